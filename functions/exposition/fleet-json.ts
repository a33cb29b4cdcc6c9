import type { FleetStatus, GuestStatus } from './fleet-status.ts';

/**
 * The status of the fleet as JSON, a guest a line: `sweep` (the totals as they are saved), `stale`, `control_plane`, `mutes`
 * and `guests`, which is null where nothing is known of them now.
 */
export function* fleetJson(
  { sweep, isStale, controlPlane, mutes }: FleetStatus,
  guests: Iterable<GuestStatus> | undefined,
): Iterable<string> {
  const head = JSON.stringify({ sweep, stale: isStale, control_plane: controlPlane, mutes });
  yield `${head.slice(0, -1)},"guests":`;
  if (guests === undefined) yield 'null';
  else yield* jsonLines(guests);
  yield '}\n';
}

/** A list as JSON, an item a line. */
export function* jsonLines(items: Iterable<unknown>): Iterable<string> {
  let separator = '[\n';
  for (const item of items) {
    yield separator + JSON.stringify(item);
    separator = ',\n';
  }
  yield separator === '[\n' ? '[]' : '\n]';
}
