// What the npm package gives to CDK applications.

export { GuestRpcPingBroker, type GuestRpcPingBrokerProps } from '../broker/guest-rpc-ping-broker.ts';
export { GuestRpcPing } from '../guest-rpc-ping.ts';
export type { GuestRpcPingProps } from '../guest-rpc-ping-props.ts';
export type { BrokerAccess } from '../network/broker-access.ts';
export type { S3Way } from '../network/s3-access.ts';
export { InvalidSettings } from '../settings/invalid-settings.ts';
