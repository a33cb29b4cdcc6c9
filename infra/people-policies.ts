import { Stack, Validations } from 'aws-cdk-lib';
import { ManagedPolicy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { FLEET_ROUTES } from '../functions/http/fleet-request.ts';
import type { GuestRpcPing } from './guest-rpc-ping.ts';

/**
 * Makes policies to attach to people's roles: `caller` lets its holder ping, where it is IAM that decides; `viewer` lets its
 * holder see the dashboard, with all that it shows, and ask for the fleet.
 */
export function peoplePolicies(scope: Construct, { api, dashboard, fleet, sweep }: GuestRpcPing) {
  const isIam = api.callers === 'iam';
  const caller = isIam ? policy(scope, 'Caller', 'pings guests', [invoke([api.arn])]) : undefined;
  const viewer = policy(scope, 'Viewer', 'sees the dashboard', [
    allow(['cloudwatch:GetDashboard'], dashboard.arn),
    allow(['cloudwatch:GetMetricData', 'cloudwatch:DescribeAlarms', 'cloudwatch:ListMetrics'], '*'),
    ...(fleet
      ? [allow(['lambda:InvokeFunction'], fleet.page.function.functionArn)]
      : [allow(['logs:StartQuery'], sweep.logGroup.logGroupArn), allow(['logs:GetQueryResults'], '*')]),
    ...(fleet && isIam ? [invoke(Object.values(FLEET_ROUTES).map((path) => api.arnOf(path)))] : []),
  ]);
  return { caller, viewer };
}

function policy(scope: Construct, id: string, what: string, statements: PolicyStatement[]): ManagedPolicy {
  const description = `Guest RPC Ping, ${Stack.of(scope).stackName}: ${what}`;
  const made = new ManagedPolicy(scope, id, { description, statements });
  const resources = statements.flatMap((statement) => statement.resources);
  const wide = new Set(
    resources.map((resource) => inFindings(scope, resource)).filter((text) => text.includes('*')),
  );
  const reason =
    'Metrics and alarms cannot be limited to resources; tenants and instances are not known beforehand.';
  for (const resource of wide)
    Validations.of(made).acknowledge({ id: `AwsSolutions-IAM5[Resource::${resource}]`, reason });
  return made;
}

function allow(actions: string[], resource: string): PolicyStatement {
  return new PolicyStatement({ actions, resources: [resource] });
}

function invoke(resources: string[]): PolicyStatement {
  return new PolicyStatement({ actions: ['execute-api:Invoke'], resources });
}

/** A resource as cdk-nag names it: each reference in angle brackets. */
function inFindings(scope: Construct, resource: string): string {
  const flat = (value: unknown): string => {
    const { Ref: reference, 'Fn::Join': join, 'Fn::GetAtt': attribute } = Object(value);
    if (Array.isArray(join)) return [join[1]].flat().map(flat).join('');
    return (reference ?? attribute) ? `<${reference ?? [attribute].flat().join('.')}>` : String(value);
  };
  return flat(Stack.of(scope).resolve(resource));
}
