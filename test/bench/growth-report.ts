import { bars, type Chart, lines } from './chart.ts';
import type { Fleet, GrowthRun, Sample, Share, StateRound } from './growth-run.ts';
import { median, ratio, significant, spread } from './measurement.ts';
import { type Goal, goal, type Section, table, written } from './report.ts';

/** How many guests the goals speak of. */
const LARGE = [10_000, 40_000];

const RPC_TIMEOUT_MS = 15_000;

/** The report of all runs: charts, goals, and tables for each RabbitMQ. */
export function growthReport(runs: readonly GrowthRun[]): Section {
  return {
    title: 'Growth',
    body: [
      'The guests are echo responders in one process. Each RabbitMQ was measured in a run of its own, the sweeps of all kinds in turns. *Named* in the event or *listed* by the bindings, and listed by pairs of new processes in turns, of which one has a state *kept* from sweep to sweep and one is *without*; *bare* is bare amqplib with 256 pings in flight, *confirming* the same with publisher confirms and timers, as a sweep has them. Memory is the greatest resident set that the process ever had. *With dead guests*: a third of them hangs, of a third the agent is down, a third never registered, and each had its right reason; a guest that hangs is waited for 15 s.',
      ...runs.flatMap(({ rabbitmq, fleets, shares }) => [
        `### RabbitMQ ${rabbitmq}`,
        declared(fleets),
        growthTable(fleets),
        deadTable(fleets),
        ...(shares.length > 0 ? [shareTable(shares)] : []),
      ]),
    ],
    charts: runs.flatMap(chartsOf),
    goals: runs.flatMap(goalsOf),
  };
}

const times = (samples: readonly Pick<Sample, 'elapsedMs'>[]) => samples.map(({ elapsedMs }) => elapsedMs);
const work = (samples: readonly Pick<Sample, 'brokerCpuMs'>[]) =>
  samples.map(({ brokerCpuMs }) => brokerCpuMs);
const seconds = (samples: readonly Pick<Sample, 'elapsedMs'>[]) => median(times(samples)) / 1000;
const memory = (samples: readonly Sample[]) => Math.max(...samples.map(({ maxRssBytes }) => maxRssBytes));
const pairs = (rounds: readonly StateRound[], kind: keyof StateRound) =>
  rounds.flatMap((round) => round[kind]);
const count = (guests: number) => guests.toLocaleString('en');

function declared(fleets: readonly Fleet[]): string {
  const took = fleets.reduce((sum, { declareMs }) => sum + declareMs, 0) / 1000;
  const guests = Math.max(...fleets.map((fleet) => fleet.guests));
  return `All ${count(guests)} guests were bound and consumed after ${significant(took)} s.`;
}

function growthTable(fleets: readonly Fleet[]): string {
  const row = (fleet: Fleet, name: string, samples: readonly Sample[], compared: string) => [
    count(fleet.guests),
    name,
    significant(seconds(samples)),
    significant(fleet.guests / seconds(samples)),
    compared,
    significant(median(work(samples)) / fleet.guests),
    significant(memory(samples) / 1e6),
  ];
  return table(
    ['Guests', '', 's', 'guests a second', 'compared', 'broker CPU ms a guest', 'MB'],
    fleets.flatMap((fleet) => [
      row(fleet, 'bare', fleet.bare, ''),
      row(
        fleet,
        'confirming',
        fleet.confirming,
        `rate × bare ${written(ratio(times(fleet.bare), times(fleet.confirming)))}`,
      ),
      row(
        fleet,
        'named',
        fleet.named,
        `rate × bare ${written(ratio(times(fleet.bare), times(fleet.named)))}`,
      ),
      row(
        fleet,
        'listed',
        fleet.listed,
        `time × named ${written(ratio(times(fleet.listed), times(fleet.named)))}`,
      ),
      ...(fleet.state
        ? [
            row(fleet, 'without', pairs(fleet.state, 'without'), ''),
            row(
              fleet,
              'kept',
              pairs(fleet.state, 'kept'),
              `time × without ${written(ratio(times(pairs(fleet.state, 'kept')), times(pairs(fleet.state, 'without'))))}`,
            ),
          ]
        : []),
      [
        count(fleet.guests),
        'the list alone',
        significant(seconds(fleet.list)),
        '',
        `broker CPU × named ${written(ratio(work(fleet.list), work(fleet.named)))}`,
        significant(median(work(fleet.list)) / fleet.guests),
        '',
      ],
    ]),
  );
}

function deadTable(fleets: readonly Fleet[]): string {
  return table(
    ['Guests', 'dead besides', 's', 's beyond the single deadline'],
    fleets.flatMap(({ guests, dead }) =>
      dead.map(({ dead, elapsedMs }) => [
        count(guests),
        count(dead),
        significant(elapsedMs / 1000),
        significant((elapsedMs - RPC_TIMEOUT_MS) / 1000),
      ]),
    ),
  );
}

function shareTable(shares: readonly Share[]): string {
  return table(
    ['Guests', "the health check's memory, MB", 's', 'GB-seconds'],
    shares.map(({ guests, memoryMb, elapsedMs }) => [
      count(guests),
      count(memoryMb),
      significant(median(elapsedMs) / 1000),
      significant(((median(elapsedMs) / 1000) * memoryMb) / 1024),
    ]),
  );
}

function chartsOf({ rabbitmq, fleets, shares }: GrowthRun): Chart[] {
  const line = (name: string, samples: (fleet: Fleet) => readonly Pick<Sample, 'elapsedMs'>[]) => ({
    name,
    points: fleets.map((fleet): [number, number] => [fleet.guests, seconds(samples(fleet))]),
  });
  const growth = {
    name: `growth-${rabbitmq}`,
    alt: `The time of sweeps of 1,000 to 40,000 guests on RabbitMQ ${rabbitmq}: the list takes a small part of it`,
    svg: lines({
      title: `Time of a sweep, RabbitMQ ${rabbitmq}`,
      xAxis: 'guests',
      yAxis: 'seconds',
      lines: [
        line('listed', ({ listed }) => listed),
        line('named', ({ named }) => named),
        line('bare amqplib', ({ bare }) => bare),
        line('the list alone', ({ list }) => list),
      ],
    }),
  };
  const parts = {
    name: `growth-parts-${rabbitmq}`,
    alt: `Where the broker's processor time of a sweep goes on RabbitMQ ${rabbitmq}: most of it into the pings`,
    svg: bars({
      title: `Where the time of a listed sweep goes, RabbitMQ ${rabbitmq}`,
      axis: 'milliseconds a guest',
      parts: ['the pings', 'the list'],
      groups: fleets.map(({ guests, named, list }) => {
        const each = (values: readonly number[]) => median(values) / guests;
        return {
          name: `${count(guests)} guests`,
          bars: [
            { name: 'time', parts: [each(times(named)), each(times(list))] },
            { name: "the broker's processor", parts: [each(work(named)), each(work(list))] },
          ],
        };
      }),
    }),
  };
  return shares.length === 0 ? [growth, parts] : [growth, parts, shareChart(rabbitmq, shares)];
}

function shareChart(rabbitmq: string, shares: readonly Share[]): Chart {
  const sizes = [...new Set(shares.map(({ guests }) => guests))];
  return {
    name: 'growth-shares',
    alt: "A sweep's GB-seconds by the memory of the health check",
    svg: bars({
      title: `What a sweep costs by the health check's memory, RabbitMQ ${rabbitmq}`,
      axis: 'GB-seconds',
      parts: ['GB-seconds'],
      groups: sizes.map((size) => ({
        name: `${count(size)} guests`,
        bars: shares
          .filter(({ guests }) => guests === size)
          .map(({ memoryMb, elapsedMs }) => ({
            name: `${count(memoryMb)} MB, ${significant(median(elapsedMs) / 1000)} s`,
            parts: [((median(elapsedMs) / 1000) * memoryMb) / 1024],
          })),
      })),
    }),
  };
}

function goalsOf({ rabbitmq, fleets }: GrowthRun): Goal[] {
  const on = `on ${rabbitmq}`;
  return fleets
    .filter(({ guests }) => LARGE.includes(guests))
    .flatMap((fleet) => {
      const { guests, bare, confirming, named, listed, state, list, dead } = fleet;
      const goals = [
        goal(
          `${count(guests)} guests ${on}: a listed sweep, at most 1.25 of a named one`,
          ratio(times(listed), times(named)),
          { atMost: 1.25 },
        ),
        goal(
          `${count(guests)} guests ${on}: the broker's CPU for listing, at most a tenth of that for pinging`,
          ratio(work(list), work(named)),
          { atMost: 0.1 },
        ),
        goal(
          `${count(guests)} guests ${on}: a named sweep, at least 0.8 of bare amqplib's rate`,
          ratio(times(bare), times(named)),
          { atLeast: 0.8 },
          ratio(times(bare), times(confirming)),
        ),
      ];
      if (state)
        goals.push(
          goal(
            `${count(guests)} guests ${on}: a sweep that keeps its state, at most 1.05 of one that does not`,
            ratio(times(pairs(state, 'kept')), times(pairs(state, 'without'))),
            { atMost: 1.05 },
          ),
          goal(
            `${count(guests)} guests ${on}: its memory, at most 1.1`,
            ratio(
              state.map(({ kept }) => memory(kept)),
              state.map(({ without }) => memory(without)),
            ),
            { atMost: 1.1 },
          ),
        );
      if (guests === Math.max(...LARGE)) {
        const minutes = times(listed).map((ms) => ms / 60_000);
        goals.push(
          goal(`${count(guests)} guests ${on}: listed and swept, minutes at most 1`, spread(minutes), {
            atMost: 1,
          }),
        );
        goals.push(
          goal(
            `${count(guests)} guests ${on}: memory, of 256 MB at most 1`,
            spread(listed.map(({ maxRssBytes }) => maxRssBytes / 256e6)),
            { atMost: 1 },
          ),
        );
      }
      for (const { dead: count, elapsedMs } of dead.filter(({ dead }) => dead === 1000))
        goals.push(
          goal(
            `${count.toLocaleString('en')} dead among ${guests.toLocaleString('en')} ${on}: seconds beyond the single deadline, at most 5`,
            spread([(elapsedMs - RPC_TIMEOUT_MS) / 1000]),
            { atMost: 5 },
          ),
        );
      return goals;
    });
}
