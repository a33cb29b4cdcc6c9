import { Stack } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { FilterPattern, LogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { FLEET_ROUTES } from '../../functions/http/fleet-request.ts';
import { ROUTE } from '../../functions/http/request.ts';
import { LOG_RETENTION } from '../monitoring/log-retention.ts';

/** Who may call: whoever signs and is allowed to by IAM, an admin of Keystone's, or anyone. */
export type Callers = 'iam' | 'keystone' | 'anyone';

export interface ApiProps {
  /** The function that answers pings, and whatever is not of a route, with Trove's 404. */
  readonly ping: IFunction;
  /** The function that lists the fleet; undefined: no state is kept. */
  readonly list: IFunction | undefined;
  /** The ping's reserved concurrency. */
  readonly concurrency: number;
  readonly callers: Callers;
}

/** Where Keystone decides, so many requests are let through for each ping that may run at once. */
const REQUESTS_FOR_A_PING = 10;

/**
 * API Gateway's way to the functions. Every path asks for IAM authorization, unknown ones too: an open one would let anyone
 * occupy the reserved concurrency. Where Keystone decides instead, the function asks Keystone: an authorizer of API Gateway's
 * could answer neither with Trove's bodies nor with `WWW-Authenticate`.
 */
export abstract class Api extends Construct {
  readonly callers: Callers;
  readonly accessLog: LogGroup;
  /** How many requests API Gateway answered with 429, of which it has no metric. */
  readonly throttled: Metric;
  /** Paths with parameters, and the function that answers `GET` there. */
  protected readonly routes: readonly { readonly path: string; readonly function: IFunction }[];
  /**
   * Requests a second, and at once. API Gateway counts whoever calls. Where Keystone decides it would count strangers against
   * admins; a stranger is refused within milliseconds, so there the reserved concurrency alone bounds the pings.
   */
  protected readonly requests: number;

  constructor(scope: Construct, id: string, { ping, list, concurrency, callers }: ApiProps) {
    super(scope, id);
    this.callers = callers;
    const ofFleet = list ? Object.values(FLEET_ROUTES).map((path) => ({ path, function: list })) : [];
    this.routes = [{ path: ROUTE.path, function: ping }, ...ofFleet];
    this.requests = callers === 'keystone' ? concurrency * REQUESTS_FOR_A_PING : concurrency;
    this.accessLog = new LogGroup(this, 'AccessLog', { retention: LOG_RETENTION });
    this.throttled = new MetricFilter(this, 'Throttled', {
      logGroup: this.accessLog,
      filterPattern: FilterPattern.stringValue('$.status', '=', '429'),
      metricNamespace: Stack.of(this).stackName,
      metricName: 'ApiThrottled',
    }).metric();
  }

  /** Without a slash at the end. */
  abstract readonly url: string;

  /** How many requests were answered 5xx. */
  abstract readonly serverErrors: Metric;

  /** What somebody who signs must be allowed to invoke to call a route. @param path of the route */
  arnOf(path: string): string {
    return this.arnOfPattern(path.replaceAll(/\{\w+\}/g, '*'));
  }

  /** The same of the ping. */
  get arn(): string {
    return this.arnOf(ROUTE.path);
  }

  protected abstract arnOfPattern(path: string): string;

  grantInvoke(grantee: IGrantable): void {
    const resourceArns = this.routes.map(({ path }) => this.arnOf(path));
    Grant.addToPrincipal({ grantee, actions: ['execute-api:Invoke'], resourceArns });
  }
}

/** @param route API Gateway's variable with the route */
export function accessLogFormat(route: '$context.routeKey' | '$context.resourcePath'): AccessLogFormat {
  return AccessLogFormat.custom(
    JSON.stringify({
      request_id: '$context.requestId',
      time: '$context.requestTime',
      source_ip: '$context.identity.sourceIp',
      caller: '$context.identity.userArn',
      method: '$context.httpMethod',
      path: '$context.path',
      route,
      status: '$context.status',
      response_length: '$context.responseLength',
      latency_ms: '$context.responseLatency',
      integration_latency_ms: '$context.integrationLatency',
      error: '$context.error.message',
      integration_error: '$context.integrationErrorMessage',
    }),
  );
}

/** Why API Gateway itself lets everybody through. */
export const OPENNESS = {
  anyone: 'The deployer has set anyoneMayCallTheApi=true: anyone may call this API.',
  keystone: "The function itself has Keystone check the caller's token, before anything else is looked at.",
} as const;
