import { beforeAll, describe, expect, test } from '@jest/globals';
import { FLEET_ROUTES } from '../../functions/http/fleet-request.ts';
import { ROUTE } from '../../functions/http/request.ts';
import type { Synthesized } from '../setup/synthesized.ts';
import { stackWith, violations } from './synthesis.ts';
import { EXISTING, NEW } from './variants.ts';

const PRIVATE = { ...NEW, access: 'private', callerCidrs: ['10.1.0.0/16'] };
const GIVEN = {
  ...EXISTING,
  access: 'private',
  apiEndpointId: 'vpce-0a1b2c3d4e5f60718',
  keystoneUrl: 'https://keystone.example/v3',
  keystoneCidr: '10.1.2.0/24',
};

let stack: Synthesized;

function all(type: string) {
  return stack.resources(type).map(Object);
}

/** The path of each method of the REST API. */
function methods(): string[] {
  const parts = Object.entries(stack.template.Resources)
    .filter(([, { Type: type }]) => type === 'AWS::ApiGateway::Resource')
    .map(([id, { Properties: properties }]): [string, Record<string, unknown>] => [id, properties]);
  const pathOf = (reference: unknown): string => {
    const [, { PathPart: part, ParentId: parent } = {}] =
      parts.find(([id]) => id === Object(reference).Ref) ?? [];
    return part === undefined ? '' : `${pathOf(parent)}/${part}`;
  };
  return all('AWS::ApiGateway::Method').map(
    ({ HttpMethod: method, ResourceId: id }) => `${method} ${pathOf(id)}`,
  );
}

describe('a private API', () => {
  beforeAll(async () => {
    stack = await stackWith(PRIVATE);
  });

  test('is a REST API that its VPC endpoint alone leads to, and no HTTP API is there', () => {
    const endpoint = { Ref: expect.stringMatching(/^NetworkApis/) };
    const [api] = all('AWS::ApiGateway::RestApi');
    expect(api).toMatchObject({
      EndpointConfiguration: { Types: ['PRIVATE'], VpcEndpointIds: [endpoint] },
      BinaryMediaTypes: ['*/*'],
    });
    expect(api.Policy.Statement).toEqual([
      {
        Action: 'execute-api:Invoke',
        Effect: 'Allow',
        // Everybody would be let in who signs, whatever IAM's policies say.
        Principal: {
          AWS: { 'Fn::Join': ['', expect.arrayContaining([{ Ref: 'AWS::AccountId' }, ':root'])] },
        },
        Resource: 'execute-api:/*',
        Condition: { StringEquals: { 'aws:SourceVpce': endpoint } },
      },
    ]);
    expect(all('AWS::ApiGatewayV2::Api')).toEqual([]);
  });

  test("has the ping and the fleet, and answers all other paths by the function, so with Trove's 404", () => {
    const paths = [ROUTE.path, ...Object.values(FLEET_ROUTES)];
    expect(methods()).toEqual(expect.arrayContaining(paths.map((path) => `GET ${path}`)));
    const any = methods().filter((method) => method.startsWith('ANY'));
    const onTheWay = paths.flatMap((path) => {
      const parts = path.split('/');
      return parts.map((_, at) => `ANY ${parts.slice(0, at + 1).join('/')}`);
    });
    expect(any.sort()).toEqual([...new Set([...onTheWay, 'ANY /{proxy+}'])].sort());
  });

  test('asks for IAM authorization on each path, is throttled, traced, and logs in JSON', () => {
    for (const { AuthorizationType: type } of all('AWS::ApiGateway::Method')) expect(type).toBe('AWS_IAM');
    const [stage] = all('AWS::ApiGateway::Stage');
    expect(stage).toMatchObject({
      TracingEnabled: true,
      MethodSettings: [
        { HttpMethod: '*', ResourcePath: '/*', ThrottlingRateLimit: 30, ThrottlingBurstLimit: 30 },
      ],
    });
    expect(JSON.parse(stage.AccessLogSetting.Format)).toMatchObject({
      status: '$context.status',
      route: '$context.resourcePath',
    });
  });

  test("its endpoint lets the callers' addresses in, to this account's APIs, and takes no other API's name", () => {
    const [endpoint] = all('AWS::EC2::VPCEndpoint').filter(({ ServiceName: name }) =>
      JSON.stringify(name).includes('execute-api'),
    );
    expect(endpoint).toMatchObject({ PrivateDnsEnabled: false });
    expect(JSON.stringify(endpoint.PolicyDocument)).toContain(':execute-api:');
    const [group] = all('AWS::EC2::SecurityGroup').filter(({ GroupDescription: what }) =>
      what.includes('private APIs'),
    );
    expect(group.SecurityGroupIngress).toEqual([
      {
        CidrIp: '10.1.0.0/16',
        Description: 'Callers of the API',
        FromPort: 443,
        ToPort: 443,
        IpProtocol: 'tcp',
      },
    ]);
  });

  test("the URL is the endpoint's, and what callers need is the ping of this API", () => {
    const { Url: url, ApiArn: arn } = Object(stack.template.Outputs);
    expect(JSON.stringify(url.Value)).toMatch(
      /^\{"Fn::Join":\["",\["https:\/\/",\{"Ref":"ApiRestApi\w+"\},"-",\{"Ref":"NetworkApis\w+"\},"\.execute-api\..*"\/prod"\]\]\}$/,
    );
    expect(JSON.stringify(arn.Value)).toContain('/prod/GET/v1.0/*/mgmt/instances/*/rpc_ping');
    expect(Object.keys(Object(stack.template.Outputs))).not.toContainEqual(
      expect.stringMatching(/^Api.*Endpoint/),
    );
  });

  test('the alarms watch it by the dimensions of a REST API', () => {
    const [alarm] = all('AWS::CloudWatch::Alarm').filter(
      ({ AlarmName: name }) => name === 'GuestRpcPing-Api5xx',
    );
    expect(alarm).toMatchObject({
      Namespace: 'AWS/ApiGateway',
      MetricName: '5XXError',
      Statistic: 'Sum',
      Dimensions: [
        { Name: 'ApiName', Value: 'GuestRpcPing' },
        { Name: 'Stage', Value: { Ref: expect.stringMatching(/^ApiRestApi/) } },
      ],
    });
  });

  test('only the API may invoke the ping and the list of the fleet', () => {
    const permissions = all('AWS::Lambda::Permission').map((permission) => JSON.stringify(permission));
    expect(permissions).toHaveLength(2);
    for (const permission of permissions)
      expect(permission).toMatch(/"apigateway\.amazonaws\.com".*:execute-api:.*ApiRestApi/);
  });

  test('cdk-nag finds nothing', () => expect(violations(stack)).toEqual([]));
});

describe('behind a VPC endpoint that is there, with Keystone', () => {
  beforeAll(async () => {
    stack = await stackWith(GIVEN);
  });

  test('no endpoint is made, and whoever comes through is let in to the function', () => {
    const [api] = all('AWS::ApiGateway::RestApi');
    expect(api.EndpointConfiguration.VpcEndpointIds).toEqual([GIVEN.apiEndpointId]);
    expect(api.Policy.Statement).toMatchObject([
      { Principal: { AWS: '*' }, Condition: { StringEquals: { 'aws:SourceVpce': GIVEN.apiEndpointId } } },
    ]);
    for (const { AuthorizationType: type } of all('AWS::ApiGateway::Method')) expect(type).toBe('NONE');
    expect(JSON.stringify(all('AWS::EC2::VPCEndpoint'))).not.toContain('execute-api');
  });

  test('cdk-nag finds nothing', () => expect(violations(stack)).toEqual([]));
});

test('where Keystone decides, API Gateway lets ten requests through for each ping that may run', async () => {
  stack = await stackWith({ ...EXISTING, keystoneUrl: GIVEN.keystoneUrl, keystoneCidr: GIVEN.keystoneCidr });
  const [stage] = all('AWS::ApiGatewayV2::Stage');
  expect(stage.DefaultRouteSettings).toEqual({
    ThrottlingRateLimit: 100,
    ThrottlingBurstLimit: 100,
  });
  expect(
    all('AWS::Lambda::Function').find(({ FunctionName: name }) => name.endsWith('rpc-ping')),
  ).toMatchObject({
    ReservedConcurrentExecutions: 10,
  });
});
