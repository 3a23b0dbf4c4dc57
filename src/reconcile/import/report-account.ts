import { PosternError } from '../../errors.ts';
import type { EndpointSettings, Provider } from '../../providers/provider.ts';

export type ReportOwner = {
  readonly provider: Provider;
  readonly name: string;
  readonly account: string;
  readonly settings: EndpointSettings;
};

/**
 * Whose books a report is about. Webhooks post on the account that they name, and its report must post there too: `file` is the
 * one the file names, `asked` the one whoever hands it in names, `announced` that of the webhook which announced it.
 *
 * @throws PosternError `invalid_request` where they contradict each other, or nobody names one and the processor has several.
 */
export function reportAccount(
  endpoint: ReportOwner,
  named: { readonly file: string | null; readonly asked: string | null; readonly announced: string | null },
): string {
  const { provider, settings, account, name } = endpoint;
  const { file, asked, announced } = named;
  const wanted = asked ?? file;
  if (wanted !== null) {
    if (!carries(endpoint, wanted))
      throw refused(
        `${asked === null ? 'the report is of' : 'there are no books of'} the account ${wanted}: ${provider.name}/${name} is of ${[account, ...(settings.accounts ?? [])].join(', ')}`,
      );
    return wanted;
  }
  if (announced !== null) return announced;
  if (provider.namesAccount !== 'always' || isNamed(endpoint)) return account;
  throw refused(
    `each event of ${provider.title} names its account, and this report does not: name it, or set account on ${provider.name}/${name} to it`,
  );
}

/** The endpoint says which account it is of; else it only has its own name. */
const isNamed = ({ settings, account, name }: ReportOwner): boolean =>
  settings.account !== undefined || account !== name;

function carries(endpoint: ReportOwner, account: string): boolean {
  const { provider, settings } = endpoint;
  if (account === endpoint.account || settings.accounts?.includes(account) === true) return true;
  if (settings.accounts !== undefined || provider.namesAccount === undefined) return false;
  // Its webhooks may be of any, where it is not kept to one.
  return provider.namesAccount === 'sometimes' || !isNamed(endpoint);
}

const refused = (message: string): PosternError =>
  new PosternError('invalid_request', message, { faults: [{ path: 'account', message }] });
