import * as v from 'valibot';
import { REASONS } from '../guest/reason.ts';
import { INSTANCE_ID } from '../guest/topic.ts';
import { InvalidEvent } from '../sweep/sweep-request.ts';
import { described, type FleetState, type Mute } from './fleet-state.ts';

/** What an event asks about mutes: to set one, to end one, or, with neither, which there are. */
export type MuteRequest = v.InferOutput<typeof REQUEST>;

export type MuteList = Readonly<ReturnType<typeof muteList>>;

/** A mute has an end. */
const MAX_MS = 30 * 86_400_000;
/** Clocks differ by less, in milliseconds. */
const MAX_CLOCK_DIFFERENCE_MS = 3_600_000;
const MAX_MUTES = 100;
const MAX_TEXT = 200;

const UNIT_MS = new Map(Object.entries({ m: 60_000, h: 3_600_000, d: 86_400_000 }));

const LENGTH = 'a length of time is such as 30m, 2h or 3d, at most 30d';

const text = v.pipe(
  v.string('not a text'),
  v.trim(),
  v.maxLength(MAX_TEXT, `longer than ${MAX_TEXT} characters`),
);
const target = v.pipe(
  text,
  v.transform((target) => (isWord(target.toLowerCase()) ? target.toLowerCase() : target)),
  v.nonEmpty("an instance's id, a reason, a hypervisor, or all"),
  v.check(isNoMistypedId, 'an instance id is a UUID in lower case'),
);
const length = v.pipe(
  v.string(LENGTH),
  v.transform((length) => Number(/^\d{1,5}(?=[mhd]$)/.exec(length)) * (UNIT_MS.get(length.slice(-1)) ?? 0)),
  v.check((ms) => ms > 0 && ms <= MAX_MS, LENGTH),
);

const REQUEST = v.object({
  mute: v.optional(
    v.object({
      target: v.optional(target, ''),
      for: v.optional(length, ''),
      note: v.exactOptional(text),
      author: v.exactOptional(text),
    }),
  ),
  unmute: v.optional(target),
});

/**
 * Reads `{"mute": {"target": "…", "for": "2h", "note": "…", "author": "…"}}`, `{"unmute": "…"}` or `{"mutes": true}`. A
 * target is an instance's id, a reason, a hypervisor, or `all`; nothing else can be asked beside.
 *
 * @returns undefined: the event asks for a sweep
 * @throws InvalidEvent
 */
export function readMuteRequest(event: unknown): MuteRequest | undefined {
  const { mute, unmute, mutes, instance_ids, forget } = Object(event);
  if (mute === undefined && unmute === undefined && mutes !== true) return undefined;
  const asked = Object.entries({ mute, unmute, mutes: mutes === true || undefined, instance_ids, forget });
  const names = asked.filter(([, value]) => value !== undefined).map(([name]) => name);
  if (names.length > 1) throw new InvalidEvent(`${names.join(' and ')} do not go together`);
  const { success, output, issues } = v.safeParse(REQUEST, { mute, unmute });
  if (!success) throw new InvalidEvent(`${v.getDotPath(issues[0])}: ${issues[0].message}`);
  return output;
}

/** `all` or a reason: in whatever case, unlike a hypervisor's name. */
function isWord(target: string): boolean {
  return target === 'all' || Object.hasOwn(REASONS, target);
}

function isNoMistypedId(target: string): boolean {
  return INSTANCE_ID.test(target) || !/^[\da-f-]{32,36}$/i.test(target);
}

/** The state with what was asked for. @throws InvalidEvent */
export function withMutes(state: FleetState, request: MuteRequest, now: Date): FleetState {
  const mutes = activeMutes(state.mutes, now);
  const target = request.mute?.target ?? request.unmute;
  const others = mutes.filter((each) => each.target !== target);
  if (request.mute) {
    if (others.length >= MAX_MUTES) throw new InvalidEvent(`There are ${MAX_MUTES} mutes already`);
    const { for: ms, ...mute } = request.mute;
    const until = new Date(now.getTime() + ms).toISOString();
    return { ...state, mutes: [...others, { ...mute, from: now.toISOString(), until }] };
  }
  if (target !== undefined && others.length === mutes.length) {
    const targets = mutes.map((mute) => mute.target).join(', ') || 'none';
    throw new InvalidEvent(`There is no mute of ${target}; the mutes are: ${targets}`);
  }
  return { ...state, mutes: others };
}

/** The mutes as an event is answered; `guests`: how many silent guests one concerns now; `matched`: how many guests at all. */
export function muteList(state: FleetState, now: Date) {
  const { mutes = [], guests, answered } = state;
  const silent = Object.entries(guests).filter(([, { sweeps }]) => sweeps > 0);
  const concerns = (mute: Mute) => {
    const count = silent.filter(([id, guest]) => muteOf([mute], id, guest, now)).length;
    const up = Object.entries(answered).filter(([id, answer]) => muteOf([mute], id, described(answer), now));
    return { guests: count, matched: count + up.length };
  };
  return { mutes: mutes.map((mute) => ({ ...mute, ...concerns(mute) })) };
}

/** Those that have not ended, the last to end first; one with a later end than any may have was set by a wrong clock. */
export function activeMutes(mutes: readonly Mute[] = [], now: Date): Mute[] {
  const leftMs = ({ until }: Mute) => Date.parse(until) - now.getTime();
  const active = mutes.filter((mute) => leftMs(mute) > 0 && leftMs(mute) <= MAX_MS + MAX_CLOCK_DIFFERENCE_MS);
  return active.sort((a, b) => b.until.localeCompare(a.until));
}

/** The mute that concerns a guest, as far as that is known of it. */
export function muteOf(
  mutes: readonly Mute[] = [],
  id: string,
  {
    reason,
    hypervisor,
  }: { readonly reason?: string | undefined; readonly hypervisor?: string | undefined } = {},
  now: Date,
): Mute | undefined {
  return activeMutes(mutes, now).find(({ target }) => ['all', id, reason, hypervisor].includes(target));
}
