import { createHash } from 'node:crypto';
import { headText, rowWriter, SECTION_END, sectionHead } from './json.ts';
import { given, type ReportDocument, type Row, type Section, text } from './table.ts';

/**
 * The same report for renderings other than JSON: its sections, which tell the hash of the document that they are, and behind them
 * that hash as a section of its own. They must be read in their order, each to its end.
 */
export function hashedSections(document: ReportDocument): Section[] {
  const hash = createHash('sha256');
  hash.update(headText(document));
  const sections = document.sections.map(
    (section): Section => ({
      ...section,
      async *rows() {
        hash.update(sectionHead(section.name));
        const writer = rowWriter(section.columns);
        let isFirst = true;
        for await (const rows of section.rows()) {
          let piece = '';
          for (const row of rows) {
            piece += `${isFirst ? '' : ','}\n${writer(row)}`;
            isFirst = false;
          }
          hash.update(piece);
          yield rows;
        }
        hash.update(SECTION_END);
      },
    }),
  );
  const control: Section = {
    name: 'control',
    no: 10,
    title: 'Sign-off',
    columns: [text('field'), text('value')],
    *rows(): Generator<readonly Row[]> {
      const sha256 = hash.digest('hex');
      document.onControl(sha256);
      yield [
        ['SHA-256 of the JSON document, up to its member control', sha256],
        ['the same when this run was first made', document.runControl ?? sha256],
        ['prepared by', null],
        ['approved by', null],
        ['approved on', null],
      ];
    },
  };
  return [coverSection(document), ...sections, control];
}

/** The first page: what the document has as its cover. */
function coverSection({ cover }: ReportDocument): Section {
  const rows = cover.map(
    ([name, value]): Row => [
      name.replaceAll('_', ' '),
      value === null || typeof value === 'string' ? value : JSON.stringify(value),
    ],
  );
  return { name: 'cover', no: 0, title: 'Cover', columns: [text('field'), text('value')], rows: given(rows) };
}
