import type { EndpointSettings, Provider, SettingFault } from './provider.ts';
import { SETTLEMENT_MODES } from './settlement-format.ts';

/** In another mode than its reports know an account would have nobody's money moved, or under batches that nothing pays out. */
export function settlementModeFaults(
  { title, settlements = [] }: Pick<Provider, 'title' | 'settlements'>,
  settings: EndpointSettings,
): SettingFault[] {
  const { settlement_mode: mode } = settings;
  // What is no mode at all is told by the check that every processor has.
  if (mode === undefined || !SETTLEMENT_MODES.includes(mode)) return [];
  const possible = SETTLEMENT_MODES.filter((one) =>
    settlements.some((format) => format.mode === one && format.role({ ...settings, settlement_mode: one }) === 'money'),
  );
  if (possible.includes(mode)) return [];
  const message =
    possible.length === 0
      ? `no settlement report of ${title} is read: leave it out`
      : `${title}'s reports know ${possible.join(' and ')}`;
  return [{ path: '/settlement_mode', message }];
}
