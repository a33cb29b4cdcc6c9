import { App, Stack } from 'aws-cdk-lib';
import { GuestRpcPing, GuestRpcPingBroker } from 'guest-rpc-ping';

// A new broker with a network of its own, in a protected stack, and the functions beside it. In JavaScript.

const app = new App();
const broker = new Stack(app, 'TroveBroker', { terminationProtection: true });
const { place } = new GuestRpcPingBroker(broker, 'Default', { name: 'trove', vpcCidr: '10.8.0.0/24' });
const pings = new Stack(app, 'Pings');
new GuestRpcPing(pings, 'Default', { ...place, troveUser: true });
