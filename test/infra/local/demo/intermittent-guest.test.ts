import { expect, test } from '@jest/globals';
import { applySweep } from '../../../../functions/changes/apply-sweep.ts';
import type { FleetState } from '../../../../functions/changes/fleet-state.ts';
import { readStateSettings } from '../../../../functions/settings/state-settings.ts';
import { DEMO_RATE_MINUTES } from '../../../../infra/local/demo/demo.ts';
import { startIntermittentGuest } from '../../../../infra/local/demo/intermittent-guest.ts';
import { resultOf } from '../../../changes/results.ts';
import { instance } from '../../../page/states.ts';
import { pass, useFakeClock } from '../../../setup/fake-clock.ts';

useFakeClock();

const ID = instance(11);

/** A host that only knows who lives. */
class Host {
  readonly alive = new Set<string>();

  async start(id: string): Promise<void> {
    this.alive.add(id);
  }

  async stop(id: string): Promise<void> {
    this.alive.delete(id);
  }
}

test("the demo's sweeps report the death and the return of the guest in turn, and never that the guest is flapping", async () => {
  const host = new Host();
  const end = await startIntermittentGuest(host, ID);
  const { thresholds } = readStateSettings({});
  const reported: string[] = [];
  let state: FleetState | undefined;
  for (let sweeps = 0; sweeps < 60; sweeps++) {
    const verdict = host.alive.has(ID)
      ? ({ reachable: true, roundTripMs: 1 } as const)
      : ({ reachable: false, reason: 'no_consumer', cause: '', queue: undefined } as const);
    const applied = applySweep(state, resultOf({ [ID]: verdict }), { ...thresholds, expectedSilenceMs: 0 });
    reported.push(...applied.changes.map(({ change }) => change));
    state = applied.state;
    await pass(DEMO_RATE_MINUTES * 60_000);
  }
  await end();
  expect(reported.length).toBeGreaterThan(8);
  expect(reported).toEqual(reported.map((_, index) => (index % 2 === 0 ? 'unreachable' : 'reachable')));
});

test('a demo that has ended leaves the guest alone', async () => {
  const host = new Host();
  const end = await startIntermittentGuest(host, ID);
  await end();
  await pass(3_600_000);
  expect(host.alive).toContain(ID);
});
