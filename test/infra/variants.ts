// A deployment's settings for each kind of broker.

export type File = Readonly<Record<string, unknown>>;

export const NEW = { newBroker: 'single-instance', brokerName: 'guest-rpc-ping', vpcCidr: '10.0.0.0/24' };

export const ID = 'b-01234567-89ab-cdef-0123-456789abcdef';
export const ENDPOINT = `amqps://${ID}.mq.eu-central-1.amazonaws.com:5671`;

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
