import { PosternError } from '../../errors.ts';
import type { EndpointSettings, Provider } from '../../providers/provider.ts';
import type { SettlementFormat } from '../../providers/settlement-format.ts';

/** Which of the provider's formats a file is of: the one named, else the one that knows its head. */
export type Recognised =
  | { readonly kind: 'format'; readonly format: SettlementFormat; readonly head: string }
  /** `foreign`: a file of another kind altogether, which no reader of texts could read. */
  | { readonly kind: 'refused'; readonly reason: string; readonly foreign: boolean };

const KNOWN_BY_MAGIC: readonly (readonly [magic: string, reason: string])[] = [
  ['PK\u0003\u0004', 'this is an Excel workbook or another zip file: fetch the same report as CSV, or unpack it'],
  ['\u00d0\u00cf\u0011\u00e0', 'this is an Excel workbook: fetch the same report as CSV'],
  ['%PDF', 'this is a PDF: fetch the same report as CSV'],
  ['\u001f\u008b', 'this is packed by gzip: unpack it first'],
];

/**
 * Where several formats know the head, the one that moves the account's money is meant.
 *
 * @throws PosternError `invalid_request` for a format that the provider does not have.
 */
export function recogniseReport(
  provider: Provider,
  head: Buffer,
  {
    format: name,
    fileName,
    settings,
  }: { readonly format: string | null; readonly fileName: string | null; readonly settings: EndpointSettings },
): Recognised {
  const formats = provider.settlements ?? [];
  const names = formats.map((one) => one.name).join(', ');
  const named = formats.find((one) => one.name === name);
  if (name !== null && named === undefined)
    throw new PosternError(
      'invalid_request',
      names === ''
        ? `no settlement report of ${provider.title} can be read`
        : `${provider.title} has no settlement format "${name}"; there are ${names}`,
      { faults: [{ path: 'format', message: `must be one of ${names}` }] },
    );
  const magic = head.subarray(0, 4).toString('latin1');
  const foreign = KNOWN_BY_MAGIC.find(([start]) => magic.startsWith(start));
  if (foreign !== undefined) return { kind: 'refused', reason: foreign[1], foreign: true };
  const text = decoded(head);
  if (text.trim() === '') return { kind: 'refused', reason: 'the file is empty', foreign: false };
  const known = named === undefined ? formats.filter((one) => one.recognises(text, fileName)) : [named];
  const format = known.find((one) => one.role(settings) === 'money') ?? known[0];
  if (format === undefined)
    return {
      kind: 'refused',
      foreign: false,
      reason:
        names === ''
          ? `no settlement report of ${provider.title} can be read`
          : `this begins as none of the reports of ${provider.title} that can be read: ${names}; name its format if it is one`,
    };
  return { kind: 'format', format, head: text };
}

/** As UTF-8, or as UTF-16 where a mark says so (old PayPal reports). */
function decoded(head: Buffer): string {
  if (head[0] === 0xff && head[1] === 0xfe) return new TextDecoder('utf-16le').decode(head);
  if (head[0] === 0xfe && head[1] === 0xff) return new TextDecoder('utf-16be').decode(head);
  return new TextDecoder('utf-8').decode(head);
}
