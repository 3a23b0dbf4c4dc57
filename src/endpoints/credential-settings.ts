import type { EndpointSettings } from '../providers/provider.ts';

/** What a credential is shown as; written back, it means "leave it as it is". */
export const CREDENTIAL_SHOWN = '(set)';

/**
 * Settings whose values are credentials, by the end of their name: `stripe_api_key`, `basic_auth`, `client_secret`. By
 * name and not by a list each provider keeps, so that a new provider's key cannot be forgotten and stored in clear.
 */
const CREDENTIAL = /(^|_)(api_key|key|secret|password|token|basic_auth|credentials?)$/;

export function isCredential(name: string): boolean {
  return CREDENTIAL.test(name);
}

/** The settings that may be stored and shown in clear, and those that are encrypted (null when there are none). */
export function splitCredentials(settings: EndpointSettings): {
  clear: Record<string, unknown>;
  credentials: Record<string, unknown> | null;
} {
  const clear: Record<string, unknown> = {};
  const credentials: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(settings)) {
    if (value !== undefined) (isCredential(name) ? credentials : clear)[name] = value;
  }
  return { clear, credentials: Object.keys(credentials).length === 0 ? null : credentials };
}

/** The settings as they are shown. */
export function withoutCredentials(settings: EndpointSettings): Record<string, unknown> {
  const { clear, credentials } = splitCredentials(settings);
  for (const name of Object.keys(credentials ?? {})) clear[name] = CREDENTIAL_SHOWN;
  return clear;
}

/** RFC 7396: what is named changes, null removes, what is not named stays. */
export function mergeSettings(before: EndpointSettings, patch: Readonly<Record<string, unknown>>): EndpointSettings {
  const merged: Record<string, unknown> = { ...before };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else if (!(value === CREDENTIAL_SHOWN && isCredential(name))) merged[name] = value;
  }
  return merged;
}
