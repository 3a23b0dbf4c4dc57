import { describe, expect, it } from 'vitest';
import { gatewayUrl } from '../../src/commands/gateway-url.ts';

describe('where the gateway of this environment is called', () => {
  it.each([
    [{ publicUrl: null, host: '127.0.0.1', port: 3000 }, 'http://127.0.0.1:3000'],
    [{ publicUrl: null, host: '10.0.0.7', port: 8080 }, 'http://10.0.0.7:8080'],
    [{ publicUrl: 'https://pay.shop.example/hooks', host: '0.0.0.0', port: 1 }, 'https://pay.shop.example/hooks'],
    // Listening everywhere is no address to call.
    [{ publicUrl: null, host: '0.0.0.0', port: 8080 }, 'http://127.0.0.1:8080'],
    [{ publicUrl: null, host: '::', port: 8080 }, 'http://[::1]:8080'],
    [{ publicUrl: null, host: '::1', port: 8080 }, 'http://[::1]:8080'],
    [{ publicUrl: null, host: 'localhost', port: 8080 }, 'http://localhost:8080'],
  ])('%j', (config, url) => {
    expect(gatewayUrl(config)).toBe(url);
  });
});
