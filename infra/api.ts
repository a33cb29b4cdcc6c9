import { Stack, Validations } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  HttpApi,
  HttpMethod,
  HttpNoneAuthorizer,
  HttpStage,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { FilterPattern, LogGroup, MetricFilter, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { ROUTE } from '../functions/http/request.ts';

/** Who may call: whoever signs and is allowed to by IAM, an admin of Keystone's, or anyone. */
export type Callers = 'iam' | 'keystone' | 'anyone';

export interface ApiProps {
  readonly function: IFunction;
  /** The function's reserved concurrency, which is also the API's rate and burst limit. */
  readonly concurrency: number;
  readonly callers: Callers;
}

/**
 * The HTTP API: one route for the ping, and `$default` for any other request, which the function answers with Trove's
 * 404. Both routes require IAM authorization: an open `$default` would let anyone occupy the reserved concurrency. Where
 * Keystone decides instead, the function asks Keystone: an authorizer of API Gateway's could answer neither with Trove's
 * bodies nor with `WWW-Authenticate`. Both are throttled here.
 */
export class Api extends Construct {
  readonly httpApi: HttpApi;
  readonly callers: Callers;
  readonly stage: HttpStage;
  readonly accessLog: LogGroup;
  /** How many requests API Gateway answered with 429, of which it has no metric. */
  readonly throttled: Metric;

  constructor(scope: Construct, id: string, { function: handler, concurrency, callers }: ApiProps) {
    super(scope, id);
    this.callers = callers;
    const authorizer = callers === 'iam' ? new HttpIamAuthorizer() : new HttpNoneAuthorizer();
    this.httpApi = new HttpApi(this, 'HttpApi', {
      apiName: Stack.of(this).stackName,
      description: 'Whether a Trove guest agent can be reached over RPC',
      createDefaultStage: false,
      defaultIntegration: new HttpLambdaIntegration('AllElse', handler),
      defaultAuthorizer: authorizer,
    });
    this.httpApi.addRoutes({
      path: ROUTE.path,
      methods: [HttpMethod[ROUTE.method]],
      integration: new HttpLambdaIntegration('RpcPing', handler),
    });
    this.accessLog = new LogGroup(this, 'AccessLog', { retention: RetentionDays.ONE_MONTH });
    this.throttled = new MetricFilter(this, 'Throttled', {
      logGroup: this.accessLog,
      filterPattern: FilterPattern.stringValue('$.status', '=', '429'),
      metricNamespace: Stack.of(this).stackName,
      metricName: 'ApiThrottled',
    }).metric();
    this.stage = new HttpStage(this, 'Stage', {
      httpApi: this.httpApi,
      autoDeploy: true,
      throttle: { rateLimit: concurrency, burstLimit: concurrency },
      accessLogSettings: {
        destination: new LogGroupLogDestination(this.accessLog),
        format: ACCESS_LOG,
      },
    });
    if (callers !== 'iam') acknowledgeOpenness(this.httpApi, OPENNESS[callers]);
  }

  /** The API's URL, without a slash at the end. */
  get url(): string {
    return this.httpApi.apiEndpoint;
  }

  /** What a caller who signs must be allowed to invoke. */
  get arn(): string {
    return this.httpApi.arnForExecuteApi('GET', ROUTE.path.replaceAll(/\{\w+\}/g, '*'));
  }

  grantInvoke(grantee: IGrantable): void {
    Grant.addToPrincipal({ grantee, actions: ['execute-api:Invoke'], resourceArns: [this.arn] });
  }
}

const ACCESS_LOG = AccessLogFormat.custom(
  JSON.stringify({
    request_id: '$context.requestId',
    time: '$context.requestTime',
    source_ip: '$context.identity.sourceIp',
    caller: '$context.identity.userArn',
    method: '$context.httpMethod',
    path: '$context.path',
    route: '$context.routeKey',
    status: '$context.status',
    response_length: '$context.responseLength',
    latency_ms: '$context.responseLatency',
    integration_latency_ms: '$context.integrationLatency',
    error: '$context.error.message',
    integration_error: '$context.integrationErrorMessage',
  }),
);

/** Why API Gateway itself lets everybody through. */
const OPENNESS = {
  anyone: 'The deployer has set anyoneMayCallTheApi=true: anyone may call this API.',
  keystone: "The function itself has Keystone check the caller's token, before anything else is looked at.",
} as const;

function acknowledgeOpenness(api: HttpApi, reason: string): void {
  Validations.of(api).acknowledge({ id: 'AwsSolutions-APIG4', reason });
}
