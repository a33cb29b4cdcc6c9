import { TcpProxy } from '../../setup/tcp-proxy.ts';
import type { Contestant } from '../contestant.ts';
import { interleaved, median, ratio, significant } from '../measurement.ts';
import { type Section, table, written } from '../report.ts';
import { pings, type Stage } from '../stage.ts';

const REPEATS = 9;

/** Measures the first ping after a pause in which the connection died, beside a warm ping and a cold start. */
export async function thaw(stage: Stage): Promise<Section> {
  const proxy = await TcpProxy.to(stage.rabbit.url);
  stage.onLeaving(() => proxy.close());
  const settings = { BROKER_URL: proxy.url(stage.rabbit.url) };
  const first = pings(stage.echoId, 1);
  const ours = stage.handler('ours', pings(stage.echoId, 300), settings);
  await ours.answer();
  const ping = async () => median(await pingTimes(ours, stage.echoId, 1));
  const measured = await interleaved(
    REPEATS,
    new Map([
      ['warm', async () => median(await pingTimes(ours, stage.echoId, 50))],
      [
        'the connection was reset',
        async () => {
          ours.freeze();
          proxy.cut();
          ours.thaw();
          return ping();
        },
      ],
      [
        'the connection died without a packet',
        async () => {
          ours.freeze();
          proxy.swallow();
          proxy.heal();
          ours.thaw();
          return ping();
        },
      ],
      [
        'cold: a fresh process',
        async () => {
          const begin = performance.now();
          const fresh = stage.handler('ours', first, settings);
          await fresh.answer();
          const elapsedMs = performance.now() - begin;
          await fresh.end();
          return elapsedMs;
        },
      ],
    ]),
  );
  await ours.end();
  const warm = measured.get('warm') ?? [];
  const rows = [...measured].map(([name, ms]) => [name, written(ratio(ms, warm)), significant(median(ms))]);
  return {
    title: 'Thaw',
    body: [
      'The first ping after the process was stopped (SIGSTOP) and the connection died meanwhile, through a TCP proxy:',
      table(['', 'Time, × warm', 'ms'], rows),
      'Where the connection died without a packet, the ping waits a second for a sign of life before it dials anew; a reset is seen at once.',
    ],
    goals: [],
  };
}

async function pingTimes(contestant: Contestant, id: string, times: number): Promise<readonly number[]> {
  const { durationsMs, response } = await contestant.ask(pings(id, times));
  if (response.statusCode !== 204) throw new Error(`A living guest is ${response.statusCode}`);
  return durationsMs;
}
