// A deployment's settings for each kind of broker.

export type File = Readonly<Record<string, unknown>>;

export const NEW = { newBroker: 'single-instance', brokerName: 'guest-rpc-ping', vpcCidr: '10.0.0.0/24' };

export const ID = 'b-01234567-89ab-cdef-0123-456789abcdef';
export const ENDPOINT = `amqps://${ID}.mq.eu-central-1.amazonaws.com:5671`;

export const KEY = 'arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef';
export const CERTIFICATE =
  'arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef';

const PLACE = {
  brokerName: 'trove',
  brokerSecretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:trove-AbCdEf',
  vpcId: 'vpc-0a1b2c3d4e5f60718',
  subnetIds: ['subnet-0a1b2c3d4e5f60718', 'subnet-0a1b2c3d4e5f60719'],
  brokerSecurityGroupId: 'sg-0a1b2c3d4e5f60718',
  brokerMaxConnections: 100,
  brokerMaxQueues: 500,
};

export const EXISTING = { brokerId: ID, ...PLACE };

export const ALL_OPTIONS: File = {
  ...NEW,
  newBroker: 'cluster',
  brokerKmsKeyArn: KEY,
  availabilityZones: ['eu-central-1a', 'eu-central-1b'],
  maintenanceWindow: 'SUNDAY 03:30',
  troveUser: true,
  clientCidrs: ['10.1.0.0/16'],
  describeBroker: true,
  alarmEmail: 'a@example.com',
  tags: { team: 'databases' },
  kmsKeyArn: KEY,
  domainName: 'ping.example.com',
  certificateArn: CERTIFICATE,
};

export const PRIVATE: File = { ...EXISTING, access: 'private', callerCidrs: ['10.1.0.0/16'] };

export const KEYSTONE_AND_TROVE: File = {
  ...EXISTING,
  s3PrefixListId: 'pl-0123abcd',
  routeTableIds: ['rtb-0123abcd'],
  keystoneUrl: 'https://keystone.example/v3',
  keystoneSecurityGroupId: 'sg-0123abcd',
  troveUrl: 'https://trove.example/v1.0',
  troveCidr: '10.1.0.0/16',
  troveSecretArn: EXISTING.brokerSecretArn,
  guestKeySecretPrefix: 'trove/keys/',
  secretsKmsKeyArn: KEY,
};

export const VARIANTS: Readonly<Record<string, File>> = {
  'a new single-instance broker': NEW,
  'a new cluster': {
    ...NEW,
    newBroker: 'cluster',
    describeBroker: true,
    guestKeySecretPrefix: 'trove/keys/',
  },
  'an existing broker by id': EXISTING,
  'an existing broker by endpoint': {
    brokerEndpoint: ENDPOINT,
    ...PLACE,
    s3PrefixListId: 'pl-0123abcd',
    routeTableIds: ['rtb-0a1b2c3d'],
  },
};
