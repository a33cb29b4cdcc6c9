import { BlockList } from 'node:net';
import type { Tag } from '@aws-sdk/client-ec2';
import {
  brokerStackOf,
  type ExistingBrokerSettings,
  type NewBrokerSettings,
  type Settings,
} from '../settings/deployment-settings.ts';
import { type Finding, good, open, todo, unless } from '../terminal/finding.ts';
import type { AwsAccount } from './aws-account.ts';

/** The subnets of an existing broker's VPC, with their zones. */
type Subnets = Awaited<ReturnType<typeof subnetsOf>>;

export async function subnetsOf({ ec2 }: AwsAccount, ids: readonly string[]) {
  const { Subnets: found = [] } = await ec2.describeSubnets({ SubnetIds: [...ids] });
  return found.map(({ SubnetId: id = '', AvailabilityZone: zone = '', VpcId: vpcId }) => ({
    id,
    zone,
    vpcId,
  }));
}

/** The zones of a new broker's VPC: by default CloudFormation's first two of the region. */
export async function zonesOf({ ec2 }: AwsAccount, settings: NewBrokerSettings): Promise<readonly string[]> {
  if (settings.availabilityZones) return settings.availabilityZones;
  const isZone = { Name: 'zone-type', Values: ['availability-zone'] };
  const { AvailabilityZones: found = [] } = await ec2.describeAvailabilityZones({ Filters: [isZone] });
  return found
    .flatMap(({ ZoneName: name }) => name ?? [])
    .sort()
    .slice(0, 2);
}

/** Whether the subnets are of the VPC, each in another zone, as interface endpoints need. */
export function checkSubnets(subnets: Subnets, { vpcId, subnetIds }: ExistingBrokerSettings): Finding {
  const zones = subnets.map(({ zone }) => zone);
  const elsewhere = subnets.filter((subnet) => subnet.vpcId !== vpcId);
  return unless(
    [
      subnets.length < subnetIds.length && 'not all of subnetIds exist here',
      elsewhere.length > 0 &&
        `${elsewhere.map(({ id }) => id).join(', ')} is not in ${vpcId}: set subnetIds or vpcId`,
      new Set(zones).size < zones.length && 'two of them are in one zone: set subnetIds to one of each zone',
    ],
    `in ${vpcId}, in ${zones.join(', ')}`,
  );
}

/** Whether names resolve in an existing VPC: the broker's, those of endpoints, and the private one of Amazon MQ's API. */
export async function checkDns({ ec2 }: AwsAccount, settings: ExistingBrokerSettings): Promise<Finding> {
  const { vpcId, brokerId } = settings;
  const isOn = async (Attribute: 'enableDnsSupport' | 'enableDnsHostnames') => {
    const found = await ec2.describeVpcAttribute({ VpcId: vpcId, Attribute });
    return (found.EnableDnsSupport ?? found.EnableDnsHostnames)?.Value === true;
  };
  const [resolves, named] = await Promise.all([isOn('enableDnsSupport'), isOn('enableDnsHostnames')]);
  const turnOn = `\`aws ec2 modify-vpc-attribute --vpc-id ${vpcId} --enable-dns`;
  return unless(
    [
      !resolves && `enableDnsSupport is off, so that no name resolves: ${turnOn}-support\``,
      !named &&
        brokerId !== undefined &&
        `enableDnsHostnames is off, which the endpoint of Amazon MQ's API needs: ${turnOn}-hostnames\`, or set brokerEndpoint in place of brokerId`,
    ],
    'on',
  );
}

/** Whether AWS's services have interface endpoints in the zones of the functions. */
export async function checkEndpointServices(
  { ec2, region }: AwsAccount,
  services: readonly string[],
  zones: Promise<readonly string[]>,
): Promise<Finding> {
  const names = services.map((service) => `com.amazonaws.${region}.${service}`);
  const [{ ServiceDetails: details = [] }, wanted] = await Promise.all([
    ec2.describeVpcEndpointServices({ ServiceNames: names }),
    zones,
  ]);
  const missing = names.map((name) => {
    const offered = details.find(({ ServiceName: its }) => its === name)?.AvailabilityZones ?? [];
    const without = wanted.filter((zone) => !offered.includes(zone));
    return (
      without.length > 0 &&
      `${name} has none in ${without.join(' and ')}: choose zones among ${offered.join(', ')}`
    );
  });
  return unless(missing, `${services.join(', ')} in ${wanted.join(' and ')}`);
}

/** Whether the addresses of a new VPC are free in the account's other VPCs, and in the networks that the settings name. */
export async function checkAddresses({ ec2 }: AwsAccount, settings: NewBrokerSettings): Promise<Finding> {
  const { vpcCidr, clientCidrs, keystoneCidr, troveCidr } = settings;
  const { Vpcs: vpcs = [] } = await ec2.describeVpcs({});
  const wrong = Object.entries({ keystoneCidr, troveCidr, clientCidrs })
    .flatMap(([setting, cidrs]) => [cidrs].flat().map((cidr) => ({ setting, cidr })))
    .filter(({ cidr }) => cidr !== undefined && overlap(cidr, vpcCidr))
    .map(({ setting, cidr }) => `${setting} ${cidr}`);
  if (wrong.length > 0)
    return todo(`${wrong.join(', ')} overlaps with vpcCidr ${vpcCidr}: set another vpcCidr.`);
  const others = vpcs.filter(({ Tags = [], CidrBlock, CidrBlockAssociationSet = [] }) => {
    const blocks = [CidrBlock, ...CidrBlockAssociationSet.map((one) => one.CidrBlock)];
    return (
      !isOf(brokerStackOf(settings), Tags) &&
      blocks.some((block) => block !== undefined && overlap(block, vpcCidr))
    );
  });
  if (others.length === 0) return good(`${vpcCidr} is free in this account.`);
  const ids = others.map(({ VpcId: id }) => id).join(', ');
  return open(
    `${ids} overlaps with vpcCidr ${vpcCidr}, and can never be connected to the broker. vpcCidr cannot be changed later.`,
  );
}

/** Whether these are the tags of a resource of that stack. */
function isOf(stack: string, tags: readonly Tag[]): boolean {
  return tags.some(({ Key, Value }) => Key === 'aws:cloudformation:stack-name' && Value === stack);
}

/** Whether two blocks of addresses have some in common: then one of them has the other's first. */
function overlap(one: string, other: string): boolean {
  const holds = (block: string, cidr: string) => {
    const [address = '', bits] = block.split('/');
    const list = new BlockList();
    list.addSubnet(address, Number(bits), 'ipv4');
    return list.check(cidr.split('/')[0] ?? '', 'ipv4');
  };
  return holds(one, other) || holds(other, one);
}

/** Whether `s3PrefixListId` is S3's list, and whether an existing VPC has a way to S3, or gets one. */
export async function checkS3({ ec2, region }: AwsAccount, settings: Settings): Promise<Finding> {
  const service = `com.amazonaws.${region}.s3`;
  const named = { Name: 'prefix-list-name', Values: [service] };
  const { PrefixLists: [list] = [] } = await ec2.describeManagedPrefixLists({ Filters: [named] });
  const id = list?.PrefixListId;
  const given = settings.s3PrefixListId;
  if (given !== undefined && given !== id)
    return todo(`${given} is not S3's list of addresses in ${region}: set s3PrefixListId to ${id}.`);
  if ('newBroker' in settings) return good(`its list of addresses is ${id}.`);
  if (given === undefined)
    return open(`no state is kept and no changes are reported. To have both, set s3PrefixListId to ${id}.`);
  const { vpcId, routeTableIds = [], name } = settings;
  const filters = [
    { Name: 'vpc-id', Values: [vpcId] },
    { Name: 'service-name', Values: [service] },
  ];
  const { VpcEndpoints: endpoints = [] } = await ec2.describeVpcEndpoints({ Filters: filters });
  const gateways = endpoints.filter(({ VpcEndpointType: type }) => type === 'Gateway');
  const others = gateways.filter(({ Tags = [] }) => !isOf(name, Tags));
  const taken = routeTableIds.filter((table) =>
    others.some(({ RouteTableIds = [] }) => RouteTableIds.includes(table)),
  );
  return unless(
    [
      routeTableIds.length === 0 &&
        gateways.length === 0 &&
        `${vpcId} has no gateway endpoint of S3: set routeTableIds to the tables of subnetIds, and the stack makes one`,
      taken.length > 0 &&
        `${taken.join(', ')} has a gateway endpoint of S3 already: remove it from routeTableIds`,
    ],
    `its list of addresses is ${id}, and ${vpcId} has a way to it or gets one`,
  );
}

/** Whether the VPC endpoint of a private API is one, and in use. */
export async function checkApiEndpoint({ ec2, region }: AwsAccount, id: string): Promise<Finding> {
  const { VpcEndpoints: [endpoint] = [] } = await ec2.describeVpcEndpoints({ VpcEndpointIds: [id] });
  const service = `com.amazonaws.${region}.execute-api`;
  return unless(
    [
      endpoint?.ServiceName !== service &&
        `it is one of ${endpoint?.ServiceName}, not of ${service}: set apiEndpointId`,
      endpoint?.State?.toLowerCase() !== 'available' && `its state is ${endpoint?.State}: wait for available`,
    ],
    `in ${endpoint?.VpcId}`,
  );
}
