/** The encryption key of every gateway and endpoint in the tests. */
export const TEST_KEYS = `test:${Buffer.alloc(32, 7).toString('base64')}`;
