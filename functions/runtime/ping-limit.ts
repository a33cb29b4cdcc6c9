import { CodedError } from '../coded-error.ts';

/** How many pings of one guest may be in flight, so that a silent one leaves room for others. */
const MAX_IN_FLIGHT = 16;

/** As many pings of this guest are in flight as may be. */
export class TooManyPings extends CodedError {
  readonly code = 'too_many_pings';
}

/** @throws TooManyPings where so many pings of a guest leave no room for one more */
export function limitPings(inFlight: number): void {
  if (inFlight < MAX_IN_FLIGHT) return;
  throw new TooManyPings(`${inFlight} pings of this guest are in flight already.`);
}
