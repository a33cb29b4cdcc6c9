import { writeSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { createInterface } from 'node:readline';
import type { Command } from '../contestant.ts';

// A client of Trove's API or of the local gateway, on one connection that is kept alive: `node http-client.ts BASE_URL
// COMMAND`, see `Contestant`. The headers are those that Keystone's filter adds in front of Trove's API.

const baseUrl = process.argv[2] ?? '';
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const { TOKEN: token = '', TENANT: tenant = '' } = process.env;
const headers = { 'X-Auth-Token': token, 'X-User-Id': 'user', 'X-Tenant-Id': tenant, 'X-Role': 'admin' };

async function ping(id: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const url = `${baseUrl}/v1.0/${tenant}/mgmt/instances/${id}/rpc_ping`;
  const request = get(url, { agent, headers }, (response) => {
    response.resume();
    response.on('end', () => resolve(response.statusCode ?? 0));
  });
  request.on('error', reject);
  return promise;
}

async function obey(command: Command): Promise<void> {
  const { ids, times } = 'ids' in command ? command : { ids: [], times: 0 };
  const durationsMs: number[] = [];
  let statusCode = 0;
  const start = performance.now();
  for (let time = 0; time < times; time++) {
    for (const id of ids) {
      const begin = performance.now();
      statusCode = await ping(id);
      durationsMs.push(performance.now() - begin);
    }
  }
  const elapsedMs = performance.now() - start;
  writeSync(3, `${JSON.stringify({ durationsMs, elapsedMs, response: { statusCode }, maxRssBytes: 0 })}\n`);
}

await obey(JSON.parse(process.argv[3] ?? ''));
for await (const line of createInterface(process.stdin)) await obey(JSON.parse(line));
