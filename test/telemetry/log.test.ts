import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { SecretUnavailable } from '../../functions/secrets/secrets-manager.ts';
import { Log } from '../../functions/telemetry/log.ts';

describe('the log', () => {
  const environment = { ...process.env };
  afterEach(() => {
    process.env = { ...environment };
    jest.restoreAllMocks();
  });

  /** The lines that `write` logs, parsed. */
  function linesOf(write: (log: Log) => void, env: Record<string, string> = {}): unknown[] {
    Object.assign(process.env, env);
    let text = '';
    jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      text += chunk;
      return true;
    });
    write(new Log('some-function'));
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }

  test('an error is logged with its name, code, stack and all its causes, whatever was thrown', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const unreadable = new SecretUnavailable('s', 'AccessDeniedException');
    const error = new TypeError('No connection', { cause: new Error('Not dialled', { cause: refused }) });
    const lines = linesOf((log) => {
      log.error('failed', {}, error);
      log.error('failed', {}, unreadable);
      log.error('failed', {}, 'a text');
      log.error('failed', { error: { code: 'own' } });
    });
    expect(lines).toMatchObject([
      {
        level: 'ERROR',
        error: {
          name: 'TypeError',
          message: 'No connection',
          stack: expect.stringContaining('log.test.ts'),
          cause: { message: 'Not dialled', cause: { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' } },
        },
      },
      {
        error: { name: 'SecretUnavailable', code: 'secret_unavailable', exception: 'AccessDeniedException' },
      },
      { error: 'a text' },
      { error: { code: 'own' } },
    ]);
  });

  test('an entry is one JSON object on one line, even where a field has several lines', () => {
    const [line, ...others] = linesOf((log) => log.info('rpc_ping', { traceback: 'one\ntwo' }));
    expect(others).toEqual([]);
    expect(line).toEqual({
      level: 'INFO',
      message: 'rpc_ping',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      service: 'some-function',
      traceback: 'one\ntwo',
    });
  });

  test("an entry has the id of the invocation's X-Ray trace", () => {
    const trace = {
      _X_AMZN_TRACE_ID: 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1',
    };
    expect(linesOf((log) => log.info('rpc_ping', {}), trace)).toMatchObject([
      { xray_trace_id: '1-5759e988-bd862e3fe1be46a994272793' },
    ]);
  });

  test.each([
    ['DEBUG', ['DEBUG', 'INFO', 'WARN', 'ERROR']],
    ['', ['INFO', 'WARN', 'ERROR']],
    ['nonsense', ['INFO', 'WARN', 'ERROR']],
    ['ERROR', ['ERROR']],
    ['FATAL', []],
  ])('the log at level "%s" leaves out the lines below that level', (level, expected) => {
    const lines = linesOf(
      (log) => {
        log.debug('a', {});
        log.info('b', {});
        log.warn('c', {});
        log.error('d', {});
      },
      { AWS_LAMBDA_LOG_LEVEL: level },
    );
    expect(lines).toMatchObject(expected.map((level) => ({ level })));
  });

  test('metrics are logged with the level and the timestamp by which Lambda filters', () => {
    expect(linesOf((log) => log.metrics({ GuestsChecked: 1 }))).toEqual([
      { level: 'INFO', timestamp: expect.any(String), service: 'some-function', GuestsChecked: 1 },
    ]);
  });
});
