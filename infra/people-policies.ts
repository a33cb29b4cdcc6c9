import { Stack, Validations } from 'aws-cdk-lib';
import { ManagedPolicy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { FLEET_ROUTES } from '../functions/http/fleet-request.ts';
import type { GuestRpcPing } from './guest-rpc-ping.ts';

/** Policies to attach to people's roles. */
export class PeoplePolicies extends Construct {
  /** Lets its holder ping; undefined where it is not IAM that decides. */
  readonly caller: ManagedPolicy | undefined;
  /** Lets its holder see the dashboard, with all that it shows, and ask for the fleet. */
  readonly viewer: ManagedPolicy;

  constructor(scope: Construct, id: string, { api, dashboard, fleet, sweep }: GuestRpcPing) {
    super(scope, id);
    const isIam = api.callers === 'iam';
    this.caller = isIam ? this.#policy('Caller', 'pings guests', [invoke([api.arn])]) : undefined;
    this.viewer = this.#policy('Viewer', 'sees the dashboard', [
      allow(['cloudwatch:GetDashboard'], dashboard.arn),
      allow(['cloudwatch:GetMetricData', 'cloudwatch:DescribeAlarms', 'cloudwatch:ListMetrics'], '*'),
      ...(fleet
        ? [allow(['lambda:InvokeFunction'], fleet.page.function.functionArn)]
        : [allow(['logs:StartQuery'], sweep.logGroup.logGroupArn), allow(['logs:GetQueryResults'], '*')]),
      ...(fleet && isIam ? [invoke(Object.values(FLEET_ROUTES).map((path) => api.arnOf(path)))] : []),
    ]);
  }

  #policy(id: string, what: string, statements: PolicyStatement[]): ManagedPolicy {
    const policy = new ManagedPolicy(this, id, {
      description: `Guest RPC Ping, ${Stack.of(this).stackName}: ${what}`,
      statements,
    });
    const wide = statements
      .flatMap(({ resources }) => resources)
      .map((resource) => inFindings(this, resource));
    const reason =
      'Metrics and alarms cannot be limited to resources; tenants and instances are not known beforehand.';
    for (const resource of new Set(wide.filter((text) => text.includes('*'))))
      Validations.of(policy).acknowledge({ id: `AwsSolutions-IAM5[Resource::${resource}]`, reason });
    return policy;
  }
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
