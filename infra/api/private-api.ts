import { Stack, Validations } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { IVpcEndpoint } from 'aws-cdk-lib/aws-ec2';
import { AccountRootPrincipal, AnyPrincipal, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { Api, type ApiProps, accessLogFormat, type Callers, OPENNESS } from './api.ts';

const STAGE = 'prod';
const LOGGING = 'AmazonAPIGatewayPushToCloudWatchLogs';

/** A REST API with a private endpoint: HTTP APIs have none. */
export class PrivateApi extends Api {
  readonly url: string;
  readonly #api: apigateway.RestApi;

  /** @param endpoint of `execute-api`, through which alone the API can be called */
  constructor(scope: Construct, id: string, props: ApiProps, endpoint: IVpcEndpoint) {
    super(scope, id, props);
    const { callers, ping } = props;
    const { region, urlSuffix, stackName } = Stack.of(this);
    this.#api = new apigateway.RestApi(this, 'RestApi', {
      restApiName: stackName,
      description: 'Whether a Trove guest agent can be reached over RPC',
      endpointConfiguration: { types: [apigateway.EndpointType.PRIVATE], vpcEndpoints: [endpoint] },
      policy: through(endpoint, callers),
      binaryMediaTypes: ['*/*'], // else a compressed answer would stay in base64
      cloudWatchRole: true, // else a REST API can write no access log
      defaultMethodOptions: {
        authorizationType:
          callers === 'iam' ? apigateway.AuthorizationType.IAM : apigateway.AuthorizationType.NONE,
      },
      deployOptions: {
        stageName: STAGE,
        throttlingRateLimit: this.requests,
        throttlingBurstLimit: this.requests,
        tracingEnabled: true,
        accessLogDestination: new apigateway.LogGroupLogDestination(this.accessLog),
        accessLogFormat: accessLogFormat('$context.resourcePath'),
      },
    });
    this.#api.node.tryRemoveChild('Endpoint'); // an output of a URL that leads nowhere without private DNS
    const invoking = (handler: ApiProps['ping']) =>
      new apigateway.LambdaIntegration(handler, { scopePermissionToMethod: false });
    const resources = new Set<apigateway.IResource>();
    for (const { path, function: handler } of this.routes) {
      let resource: apigateway.IResource | undefined = this.#api.root.resourceForPath(path);
      resource.addMethod('GET', invoking(handler));
      for (; resource !== undefined; resource = resource.parentResource) resources.add(resource);
    }
    // What a REST API has a path for, and no method, is answered 403 by API Gateway itself.
    for (const resource of resources) resource.addMethod('ANY', invoking(ping));
    this.#api.root.addProxy({ defaultIntegration: invoking(ping) });
    const host = `${this.#api.restApiId}-${endpoint.vpcEndpointId}.execute-api.${region}.${urlSuffix}`;
    this.url = `https://${host}/${STAGE}`;
    this.#acknowledge(callers);
  }

  get serverErrors(): Metric {
    return this.#api.deploymentStage.metricServerError();
  }

  protected arnOfPattern(path: string): string {
    return this.#api.arnForExecuteApi('GET', path, STAGE);
  }

  #acknowledge(callers: Callers): void {
    const authorized = callers === 'iam' ? 'IAM authorizes each call.' : OPENNESS[callers];
    const reasons = {
      'AwsSolutions-APIG2': 'The function looks at path and headers itself, and answers as Trove does.',
      'AwsSolutions-APIG3': 'Only the VPC endpoint leads to this API.',
      'AwsSolutions-APIG4': authorized,
      'AwsSolutions-APIG6': "The execution log would have the callers' tokens. There is an access log.",
      'AwsSolutions-COG4': authorized,
      [`AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/${LOGGING}]`]:
        'The role by which API Gateway writes logs, as AWS documents it.',
    };
    const acknowledged = Object.entries(reasons).map(([id, reason]) => ({ id, reason }));
    Validations.of(this.#api).acknowledge(...acknowledged);
  }
}

/**
 * Lets in what comes through the endpoint. Where IAM decides, this account's alone, and its own policies say who: a policy for
 * everybody would let in whoever signs.
 */
function through({ vpcEndpointId }: IVpcEndpoint, callers: Callers): PolicyDocument {
  return new PolicyDocument({
    statements: [
      new PolicyStatement({
        principals: [callers === 'iam' ? new AccountRootPrincipal() : new AnyPrincipal()],
        actions: ['execute-api:Invoke'],
        resources: ['execute-api:/*'],
        conditions: { StringEquals: { 'aws:SourceVpce': vpcEndpointId } },
      }),
    ],
  });
}
