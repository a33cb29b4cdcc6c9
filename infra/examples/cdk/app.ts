import { App, Stack } from 'aws-cdk-lib';
import { SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import { AccountRootPrincipal } from 'aws-cdk-lib/aws-iam';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { GuestRpcPing } from 'guest-rpc-ping';

// The functions beside a broker that exists, in a VPC that exists. In TypeScript.

const stack = new Stack(new App(), 'Pings');
new GuestRpcPing(stack, 'Default', {
  vpc: Vpc.fromVpcAttributes(stack, 'Vpc', {
    vpcId: 'vpc-0a1b2c3d4e5f60718',
    availabilityZones: ['eu-central-1a', 'eu-central-1b'],
    isolatedSubnetIds: ['subnet-0a1b2c3d4e5f60718', 'subnet-0a1b2c3d4e5f60719'],
  }),
  broker: {
    name: 'trove',
    endpoint: 'amqps://b-01234567-89ab-cdef-0123-456789abcdef.mq.eu-central-1.amazonaws.com:5671',
    secret: Secret.fromSecretNameV2(stack, 'Secret', 'guest-rpc-ping'),
    securityGroup: SecurityGroup.fromSecurityGroupId(stack, 'Broker', 'sg-0a1b2c3d4e5f60718'),
    maxConnections: 1000,
    maxQueues: 1000,
  },
  callers: [new AccountRootPrincipal()],
});
