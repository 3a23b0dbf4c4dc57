import { hashedSections } from './hashed.ts';
import type { ReportDocument, Section } from './table.ts';
import { CONTENT_TYPES, PACKAGE_RELATIONS, type SheetPart, STYLES, workbook, workbookRelations } from './xlsx-parts.ts';
import { readRows, sheetText } from './xlsx-sheet.ts';
import { type ZipEntry, zipped } from './zip.ts';

const TITLE_MAX = 31;
/** What a tab's name cannot hold. */
const TITLE_REFUSES = /[[\]*?:/\\']/g;

/**
 * A workbook, written as it is read: a sheet a section, typed cells, frozen heads, totals as formulas. What has more rows than a
 * sheet holds goes on in another.
 */
export function workbookOf(document: ReportDocument): AsyncIterable<Buffer> {
  return zipped(parts(hashedSections(document)));
}

async function* parts(sections: readonly Section[]): AsyncGenerator<ZipEntry> {
  yield { path: '[Content_Types].xml', content: [CONTENT_TYPES] };
  yield { path: '_rels/.rels', content: [PACKAGE_RELATIONS] };
  yield { path: 'xl/styles.xml', content: [STYLES] };
  const sheets: (SheetPart & { readonly no: number })[] = [];
  const titles = new Set<string>();
  for (const { no, title, columns, rows } of sections) {
    const reader = readRows(rows());
    for (let part = 1; part === 1 || (await reader.hasMore()); part += 1) {
      const file = `sheet${sheets.length + 1}.xml`;
      sheets.push({ no, file, title: titleOf(title, part, titles) });
      yield { path: `xl/worksheets/${file}`, content: sheetText(columns, reader) };
    }
  }
  // What is made last because it tells of all that came before need not stand last.
  const tabs = sheets.toSorted((a, b) => a.no - b.no);
  yield { path: 'xl/workbook.xml', content: [workbook(tabs)] };
  yield { path: 'xl/_rels/workbook.xml.rels', content: [workbookRelations(tabs)] };
}

/** No two tabs may have the same name, whatever its case. */
function titleOf(title: string, part: number, taken: Set<string>): string {
  const plain = title.replace(TITLE_REFUSES, ' ');
  for (let n = part; ; n += 1) {
    const suffix = n === 1 ? '' : ` (${n})`;
    const name = plain.slice(0, TITLE_MAX - suffix.length) + suffix;
    if (taken.has(name.toLowerCase())) continue;
    taken.add(name.toLowerCase());
    return name;
  }
}
