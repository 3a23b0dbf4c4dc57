import type { ProviderApi } from '../provider.ts';
import { LIVE, list, TEST } from './list.ts';
import { reports } from './reports.ts';

export const api: ProviderApi = {
  hosts: [LIVE, TEST],
  keySetting: 'api_key',
  // A webhook carries its transfer whole: nothing is ever asked for.
  fetchObject: async ({ kind }) => ({ kind: 'refused', detail: `nothing is known to ask a ${kind} of` }),
  list,
  reports,
};
