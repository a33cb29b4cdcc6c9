import { describe, expect, test } from '@jest/globals';
import { acceptsGzip, preferredType } from '../../functions/http/accept.ts';

const [JSON_TYPE, TEXT, OPEN_METRICS] = [
  'application/json',
  'text/plain',
  'application/openmetrics-text',
] as const;

describe('Accept', () => {
  test.each([
    [undefined, JSON_TYPE],
    ['', JSON_TYPE],
    ['*/*', JSON_TYPE], // curl
    ['image/png', JSON_TYPE],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', JSON_TYPE], // a browser
    ['text/*', TEXT],
    ['TEXT/PLAIN', TEXT],
    ['text/plain, application/json', JSON_TYPE],
    ['application/json;q=0.4, text/plain;q=0.5', TEXT],
    ['*/*;q=0.5, application/json;q=0', TEXT],
    ['application/json;q=2, text/plain;q=0.1', TEXT], // no weight
    // Prometheus 2.42, 2.53 and 3.5:
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      OPEN_METRICS,
    ],
    ['text/plain;version=0.0.4;q=0.3,*/*;q=0.2', TEXT],
    [
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
      OPEN_METRICS,
    ],
  ])('%s: %s', (accept, type) => {
    expect(preferredType(accept, [JSON_TYPE, TEXT, OPEN_METRICS])).toBe(type);
  });
});

describe('Accept-Encoding', () => {
  test.each([
    [undefined, false],
    ['', false],
    ['identity', false],
    ['br, deflate', false],
    ['gzip;q=0', false],
    ['*, gzip;q=0', false],
    ['gzip', true],
    ['br, GZIP;q=0.5', true],
    ['*', true],
  ])('%s: %s', (header, expected) => {
    expect(acceptsGzip(header)).toBe(expected);
  });
});
