import type { BrokerSettings } from './broker-settings.ts';
import { type Context, InvalidSetting } from './cdk-context.ts';

/** How the health check keeps what it knows from sweep to sweep. */
export interface FleetStateSettings {
  /** The way to S3; undefined: there is none, so that nothing is kept. */
  readonly s3: S3Way | undefined;
  readonly unreachableAfterSweeps: number;
  readonly reachableAfterSweeps: number;
  /** After so long unreachable, a guest is abandoned: counted apart, and no longer in the alarm. */
  readonly abandonedAfterHours: number;
}

/** The way from the functions' subnets to S3, through a gateway endpoint. */
export interface S3Way {
  /** AWS's list of S3's addresses in the region; undefined: not known, so that port 443 anywhere may be reached. */
  readonly prefixListId: string | undefined;
  /** Of an existing VPC, the tables in which the stack makes the endpoint's route; none: the route is there. */
  readonly routeTableIds: readonly string[];
}

const MOST_SWEEPS = 1000;

/** @throws InvalidSetting */
export function readFleetState(context: Context, broker: BrokerSettings): FleetStateSettings {
  return {
    s3: readS3Way(context, broker),
    unreachableAfterSweeps: context.integer('unreachableAfterSweeps', 2, 1, MOST_SWEEPS),
    reachableAfterSweeps: context.integer('reachableAfterSweeps', 1, 1, MOST_SWEEPS),
    abandonedAfterHours: context.integer('abandonedAfterHours', 168, 1, 100_000),
  };
}

/** A VPC of the stack's own has a way, and leads nowhere else. In an existing one, S3's addresses must be known. */
function readS3Way(context: Context, { kind }: BrokerSettings): S3Way | undefined {
  const prefixListId = context.text('s3PrefixListId', /^pl-[0-9a-f]{8,17}$/, "a prefix list's id, pl-…");
  const routeTables = context.text(
    'routeTableIds',
    /^rtb-[0-9a-f]{8,17}(,rtb-[0-9a-f]{8,17})*$/,
    'ids of route tables, rtb-…, joined by commas',
  );
  if (routeTables !== undefined && kind === 'new')
    throw new InvalidSetting(
      'routeTableIds is for an existing VPC: the VPC of a new broker has the route already.',
    );
  if (routeTables !== undefined && prefixListId === undefined)
    throw new InvalidSetting('routeTableIds needs s3PrefixListId.');
  if (kind === 'existing' && prefixListId === undefined) return undefined;
  return { prefixListId, routeTableIds: routeTables?.split(',') ?? [] };
}
