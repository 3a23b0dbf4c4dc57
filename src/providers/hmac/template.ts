/** What may be signed beside plain text: `{timestamp}.{body}`. */
const FIELDS = ['body', 'timestamp', 'id', 'url', 'method'] as const;
export type Field = (typeof FIELDS)[number];
export type Part = { readonly literal: string } | { readonly field: Field };

const CHARS_MAX = 200;

/** The parts of a signed text, or in words what is wrong with its template. */
export function parseTemplate(template: unknown): readonly Part[] | string {
  if (typeof template !== 'string' || template === '' || template.length > CHARS_MAX)
    return `must be a text of 1 to ${CHARS_MAX} characters, like {timestamp}.{body}`;
  const parts: Part[] = [];
  let rest = template;
  while (rest !== '') {
    const open = rest.indexOf('{');
    const literal = open === -1 ? rest : rest.slice(0, open);
    if (literal.includes('}')) return 'has a } without a { before it';
    if (literal !== '') parts.push({ literal });
    if (open === -1) break;
    const close = rest.indexOf('}', open);
    if (close === -1) return 'has a { without a } behind it';
    const name = rest.slice(open + 1, close);
    const field = FIELDS.find((one) => one === name);
    if (field === undefined) return `knows no {${name}}: there are ${FIELDS.map((one) => `{${one}}`).join(', ')}`;
    parts.push({ field });
    rest = rest.slice(close + 1);
  }
  return templateFault(parts) ?? parts;
}

function templateFault(parts: readonly Part[]): string | null {
  const fields = parts.flatMap((part) => ('field' in part ? [part.field] : []));
  if (!fields.includes('body')) return 'must hold {body}: without it the body is not signed at all';
  const twice = fields.find((field, i) => fields.indexOf(field) !== i);
  if (twice !== undefined) return `has {${twice}} twice`;
  for (const [i, part] of parts.entries()) {
    const next = parts[i + 1];
    if ('field' in part && next !== undefined && 'field' in next)
      return `needs a separator between {${part.field}} and {${next.field}}: one request could be read as another`;
  }
  return null;
}

export function holds(parts: readonly Part[], field: Field): boolean {
  return parts.some((part) => 'field' in part && part.field === field);
}

/** The separators between a field and another one; `edge` is the character that touches the field. */
export function separators(parts: readonly Part[], field: Field): { readonly text: string; readonly edge: string }[] {
  const at = parts.findIndex((part) => 'field' in part && part.field === field);
  if (at === -1) return [];
  const found: { text: string; edge: string }[] = [];
  const [before, after] = [parts[at - 1], parts[at + 1]];
  if (at >= 2 && before !== undefined && 'literal' in before)
    found.push({ text: before.literal, edge: before.literal.slice(-1) });
  if (at + 2 < parts.length && after !== undefined && 'literal' in after)
    found.push({ text: after.literal, edge: after.literal.slice(0, 1) });
  return found;
}
