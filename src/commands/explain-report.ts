import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { examinedFaults, provenBatchView } from '../api/settlement-view.ts';
import { PosternError } from '../errors.ts';
import type { EndpointSettings, Provider } from '../providers/provider.ts';
import type { SettlementFormat } from '../providers/settlement-format.ts';
import { explainReport } from '../reconcile/import/explain-report.ts';
import { recogniseReport } from '../reconcile/import/recognise.ts';
import { HEAD_BYTES } from '../reconcile/import/report-source.ts';
import { readableBatches, readableFaults } from './settlement-text.ts';

/** The settlement report a file is, told by its head or by `named`; null: it is none of the provider's. */
export async function reportFormatOf(
  file: string,
  provider: Provider,
  named: string | null,
  settings: EndpointSettings,
): Promise<SettlementFormat | null> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const head = buffer.subarray(0, bytesRead);
    const found = recogniseReport(provider, head, { format: named, fileName: basename(file), settings });
    if (found.kind === 'refused' && found.foreign)
      throw new PosternError('invalid_request', `${file}: ${found.reason}`);
    return found.kind === 'format' ? found.format : null;
  } finally {
    await handle.close();
  }
}

/** Of which processors this begins as a report. */
export async function knownBy(file: string, providers: Iterable<Provider>): Promise<string[]> {
  const names: string[] = [];
  for (const provider of providers)
    if ((await reportFormatOf(file, provider, null, {})) !== null) names.push(provider.name);
  return names;
}

/** What a report says, in the shape of `explain --json`. */
export async function explainReportFile(
  file: string,
  format: SettlementFormat,
  { account, settings }: { readonly account: string; readonly settings: EndpointSettings },
): Promise<{ readonly json: unknown; readonly text: string; readonly failed: boolean }> {
  const { lines, kinds, ...found } = await explainReport(format, createReadStream(file), {
    account,
    settings,
    mode: settings.settlement_mode ?? format.mode,
    zone: settings.time_zone ?? 'UTC',
    fileName: basename(file),
  });
  const batches = found.batches.map(provenBatchView);
  const errors = examinedFaults(found.faults.kept, found.batches);
  const json = { format: format.name, batches, lines, kinds, error_count: found.faults.count, errors };
  const counts = Object.entries(kinds).map(([kind, n]) => `${n} ${kind}`);
  const text = [
    `${format.title}, ${lines} lines${counts.length === 0 ? '' : `: ${counts.join(', ')}`}`,
    readableBatches(batches),
  ];
  if (found.faults.count > 0) text.push(readableFaults(errors, found.faults.count));
  return { json, text: text.join('\n\n'), failed: found.faults.count > 0 };
}
