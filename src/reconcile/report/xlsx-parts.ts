import { escaped } from './xlsx-cells.ts';

const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const RELATIONS = 'http://schemas.openxmlformats.org/package/2006/relationships';
const TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml';

/** Sheets are the rule and not named: how many there are is known when the last is written. */
export const CONTENT_TYPES =
  `${XML}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
  '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
  `<Default Extension="xml" ContentType="${TYPE}.worksheet+xml"/>` +
  `<Override PartName="/xl/workbook.xml" ContentType="${TYPE}.sheet.main+xml"/>` +
  `<Override PartName="/xl/styles.xml" ContentType="${TYPE}.styles+xml"/></Types>`;

export const PACKAGE_RELATIONS =
  `${XML}<Relationships xmlns="${RELATIONS}">` +
  `<Relationship Id="rId1" Type="${OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>`;

/** Decimals of currencies, from none on. */
const DECIMALS = ['#,##0', '#,##0.0', '#,##0.00', '#,##0.000', '#,##0.0000'];
const FORMATS = [...DECIMALS, 'yyyy\\-mm\\-dd\\ hh:mm:ss', 'yyyy\\-mm\\-dd'];
const FIRST_FORMAT = 164;
const WHOLE = FIRST_FORMAT;
const TIME = FIRST_FORMAT + DECIMALS.length;
const PLAIN_FONT = 0;
const BOLD_FONT = 1;
const TEXT_FORMAT = 49;

/** In the order of STYLE in xlsx-cells.ts. `quotePrefix` keeps a text that is edited from becoming a formula. */
const CELLS: readonly (readonly [format: number, font: number, more?: string])[] = [
  [0, PLAIN_FONT],
  [TEXT_FORMAT, BOLD_FONT, 'fillId="2" applyFill="1" quotePrefix="1"'],
  [TEXT_FORMAT, PLAIN_FONT, 'quotePrefix="1"'],
  [TEXT_FORMAT, PLAIN_FONT, 'quotePrefix="1" right'],
  [WHOLE, PLAIN_FONT],
  [TIME, PLAIN_FONT],
  [TIME + 1, PLAIN_FONT],
  ...DECIMALS.map((_, n) => [FIRST_FORMAT + n, PLAIN_FONT] as const),
  [TEXT_FORMAT, BOLD_FONT, 'quotePrefix="1"'],
  [TEXT_FORMAT, BOLD_FONT, 'quotePrefix="1" right'],
  [WHOLE, BOLD_FONT],
  ...DECIMALS.map((_, n) => [FIRST_FORMAT + n, BOLD_FONT] as const),
];

function cellFormat([format, font, more = '']: (typeof CELLS)[number]): string {
  const attributes = `numFmtId="${format}" fontId="${font}" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"`;
  const fill = more.includes('fillId') ? '' : ' fillId="0"';
  if (!more.endsWith(' right')) return `<xf ${attributes}${fill} ${more}/>`;
  return `<xf ${attributes}${fill} ${more.slice(0, -6)} applyAlignment="1"><alignment horizontal="right"/></xf>`;
}

export const STYLES =
  `${XML}<styleSheet xmlns="${MAIN}"><numFmts count="${FORMATS.length}">` +
  `${FORMATS.map((code, n) => `<numFmt numFmtId="${FIRST_FORMAT + n}" formatCode="${escaped(code)}"/>`).join('')}</numFmts>` +
  '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>' +
  '<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>' +
  '<fill><patternFill patternType="solid"><fgColor rgb="FFE7E6E6"/><bgColor indexed="64"/></patternFill></fill></fills>' +
  '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>' +
  '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>' +
  `<cellXfs count="${CELLS.length}">${CELLS.map(cellFormat).join('')}</cellXfs>` +
  '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>';

/** A sheet that was written: its file and its tab. */
export type SheetPart = { readonly file: string; readonly title: string };

/** In the order of their tabs. */
export function workbook(sheets: readonly SheetPart[]): string {
  const tabs = sheets.map(({ title }, n) => `<sheet name="${escaped(title)}" sheetId="${n + 1}" r:id="rId${n + 1}"/>`);
  return (
    `${XML}<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}"><bookViews><workbookView activeTab="0"/></bookViews>` +
    `<sheets>${tabs.join('')}</sheets><calcPr calcId="191029" fullCalcOnLoad="1"/></workbook>`
  );
}

export function workbookRelations(sheets: readonly SheetPart[]): string {
  const all = [
    ...sheets.map(({ file }) => [`${OFFICE}/worksheet`, `worksheets/${file}`]),
    [`${OFFICE}/styles`, 'styles.xml'],
  ];
  const relations = all.map(
    ([type, target], n) => `<Relationship Id="rId${n + 1}" Type="${type}" Target="${target}"/>`,
  );
  return `${XML}<Relationships xmlns="${RELATIONS}">${relations.join('')}</Relationships>`;
}

export const sheetHead = (columns: string): string =>
  `${XML}<worksheet xmlns="${MAIN}"><sheetViews><sheetView workbookViewId="0">` +
  '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>' +
  `<sheetFormatPr defaultRowHeight="15"/><cols>${columns}</cols><sheetData>`;
