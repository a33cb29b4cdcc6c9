import { CfnOutput, type Stack } from 'aws-cdk-lib';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import { ROUTE } from '../functions/http/request.ts';
import { PublicApi } from './api/public-api.ts';
import type { GuestRpcPing } from './guest-rpc-ping.ts';
import type { GuestRpcPingProps } from './guest-rpc-ping-props.ts';
import { peoplePolicies } from './people-policies.ts';

const EXAMPLE_PATH = ROUTE.path.replace('{tenant_id}', 'TENANT').replace('{instance_id}', 'INSTANCE_ID');

/** Writes down what a deployer wants to know of a stack, and what `npm run smoke` reads. */
export function addOutputs(stack: Stack, parts: GuestRpcPing, { vpc, broker }: GuestRpcPingProps): void {
  const { api, ping, sweep, alarms, dashboard, fleet, users } = parts;
  const { caller, viewer } = peoplePolicies(new Construct(stack, 'Policies'), parts);
  const output = (id: string, description: string, value: string | undefined) =>
    value !== undefined && new CfnOutput(stack, id, { description, value });
  /** Other programs of the account find it in Systems Manager's parameters as well. */
  const parameter = (id: string, description: string, value: string, name: string) => {
    output(id, description, value);
    const parameterName = `/guest-rpc-ping/${stack.stackName}/${name}`;
    new StringParameter(stack, `${id}Parameter`, { parameterName, description, stringValue: value });
  };
  const curl = api.callers === 'keystone' ? curlWithToken(api.url) : signedCurl(stack.region, api.url);
  parameter('Url', 'of the API', api.url, 'url');
  if (api instanceof PublicApi)
    output('DomainTarget', 'where the DNS record of domainName must lead to', api.domainTarget);
  output('Curl', 'pings a guest, once TENANT and INSTANCE_ID are replaced', curl);
  if (api.callers === 'iam') output('ApiArn', 'what callers need execute-api:Invoke on', api.arn);
  output('CallerPolicy', 'a policy for roles that ping', caller?.managedPolicyArn);
  output('ViewerPolicy', 'a policy for roles that look at the dashboard', viewer.managedPolicyArn);
  parameter('DashboardUrl', 'of the dashboard', dashboard.url, 'dashboard-url');
  parameter(
    'AlarmTopic',
    'the SNS topic to which the alarms are published',
    alarms.topic.topicArn,
    'alarm-topic',
  );
  output('VpcId', 'of the functions and the broker', vpc.vpcId);
  output('BrokerEndpoint', 'of the broker', broker.endpoint);
  output('BrokerSecurityGroup', 'lets clients of the broker in', broker.securityGroup.securityGroupId);
  output('BrokerSecret', 'of the broker user that the functions log in as', parts.brokerSecret.secretArn);
  output('TroveSecret', "of Trove's user of the broker", users?.troveSecret?.secretArn);
  output('RpcPingLog', 'the log group of the pings', ping.logGroup.logGroupName);
  output('HealthCheckLog', 'the log group of the sweeps', sweep.logGroup.logGroupName);
  output('AccessLog', "the log group of the API's requests", api.accessLog.logGroupName);
  output('FleetPageLog', "the log group of the dashboard's page", fleet?.page.logGroup.logGroupName);
  output('FleetState', 'the saved state of the fleet', fleet?.bucket.url);
  output('SweepBus', 'the event bus with the result of each sweep', fleet?.notices.bus.eventBusName);
  output('UndeliveredQueue', 'has notices that did not reach the topic', fleet?.notices.undelivered.queueUrl);
}

/** With a token of OpenStack's command line tools: `OS_TOKEN=$(openstack token issue -f value -c id)`. */
function curlWithToken(url: string): string {
  return `curl -i -H "X-Auth-Token: $OS_TOKEN" ${url}${EXAMPLE_PATH}`;
}

/** With credentials from the environment variables of AWS's command line tools. */
function signedCurl(region: string, url: string): string {
  return [
    `curl -i --aws-sigv4 "aws:amz:${region}:execute-api"`,
    '--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"',
    '${AWS_SESSION_TOKEN:+-H "x-amz-security-token: $AWS_SESSION_TOKEN"}', // curl would sign an empty header, and not send it
    `${url}${EXAMPLE_PATH}`,
  ].join(' ');
}
