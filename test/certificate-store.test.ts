import { afterAll, beforeAll, expect, it } from 'vitest';
import { createCertificateStore } from '../src/certificate-store.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';

const NOW = 1_767_225_600_000;
const certificate = { url: 'https://x.example/1', pem: 'made', fetchedAt: NOW, expiresAt: NOW + 1000 };
let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it('keeps the later of two fetches, whichever is written last', async () => {
  const store = createCertificateStore(database.app);
  await store.save(certificate);
  await store.save({ ...certificate, pem: 'later', fetchedAt: NOW + 1 });
  await store.save({ ...certificate, pem: 'earlier', fetchedAt: NOW - 1 });
  await store.save({ ...certificate, url: 'https://x.example/2' });
  expect(await store.load()).toEqual([
    { ...certificate, pem: 'later', fetchedAt: NOW + 1 },
    { ...certificate, url: 'https://x.example/2' },
  ]);
});
