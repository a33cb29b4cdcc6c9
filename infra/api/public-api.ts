import { Stack, Validations } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { ROUTE } from '../../functions/http/request.ts';
import type { ParsedOptions } from '../settings/deployment-settings.ts';
import { Api, type ApiProps, accessLogFormat, OPENNESS } from './api.ts';

/** An HTTP API, which the internet can reach: `$default` takes what is not of a route. */
export class PublicApi extends Api {
  /** Where the own name must lead to, by a CNAME or an alias; undefined: there is none. */
  readonly domainTarget: string | undefined;
  /** Without a slash at the end. */
  readonly url: string;
  readonly #api: apigateway.HttpApi;
  readonly #stage: apigateway.HttpStage;

  constructor(scope: Construct, id: string, props: ApiProps, options: ParsedOptions) {
    super(scope, id, props);
    const { callers, ping } = props;
    const { domainName, certificateArn } = options;
    this.#api = new apigateway.HttpApi(this, 'HttpApi', {
      apiName: Stack.of(this).stackName,
      description: 'Whether a Trove guest agent can be reached over RPC',
      createDefaultStage: false,
      defaultIntegration: new HttpLambdaIntegration('AllElse', ping),
      defaultAuthorizer: callers === 'iam' ? new HttpIamAuthorizer() : new apigateway.HttpNoneAuthorizer(),
    });
    for (const { path, function: handler } of this.routes)
      this.#api.addRoutes({
        path,
        methods: [apigateway.HttpMethod.GET],
        integration: new HttpLambdaIntegration(path === ROUTE.path ? 'RpcPing' : path, handler),
      });
    this.#stage = new apigateway.HttpStage(this, 'Stage', {
      httpApi: this.#api,
      autoDeploy: true,
      throttle: { rateLimit: this.requests, burstLimit: this.requests },
      accessLogSettings: {
        destination: new apigateway.LogGroupLogDestination(this.accessLog),
        format: accessLogFormat('$context.routeKey'),
      },
    });
    this.domainTarget = domainName && certificateArn && this.#map(domainName, certificateArn);
    this.url = domainName === undefined ? this.#api.apiEndpoint : `https://${domainName}`;
    if (callers !== 'iam')
      Validations.of(this.#api).acknowledge({ id: 'AwsSolutions-APIG4', reason: OPENNESS[callers] });
  }

  #map(name: string, certificateArn: string): string {
    const certificate = Certificate.fromCertificateArn(this, 'Certificate', certificateArn);
    const domainName = new apigateway.DomainName(this, 'Domain', {
      domainName: name,
      certificate,
      securityPolicy: apigateway.SecurityPolicy.TLS_1_2,
    });
    new apigateway.ApiMapping(this, 'Mapping', { api: this.#api, domainName, stage: this.#stage });
    return domainName.regionalDomainName;
  }

  get serverErrors(): Metric {
    return this.#stage.metricServerError();
  }

  protected arnOfPattern(path: string): string {
    return this.#api.arnForExecuteApi('GET', path);
  }
}
