import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { send, troubleOf } from './http-client.ts';
import { parseJson } from './json.ts';
import { readSecret } from './secrets/secrets-manager.ts';
import { Deadline } from './time/deadline.ts';

/** What CloudFormation asks of a custom resource: one user of the broker, to be made, made anew or deleted. */
const REQUEST = v.object({
  RequestType: v.picklist(['Create', 'Update', 'Delete']),
  ...v.entriesFromList(['ResponseURL', 'StackId', 'RequestId', 'LogicalResourceId'], v.string()),
  /** The user's name. */
  PhysicalResourceId: v.optional(v.string()),
  ResourceProperties: v.object({
    /** `amqps://host:5671`, whose management API is at port 443; or the management API's own URL. */
    Endpoint: v.string(),
    AdministratorSecretId: v.string(),
    /** The secret with the user's name and password. */
    UserSecretId: v.string(),
    ...v.entriesFromList(['Vhost', 'Tags', 'Configure', 'Write', 'Read'], v.string()),
  }),
});

const LOGIN = v.object({ username: v.string(), password: v.string() });

/** How long the broker may take to answer: a new one, for a while, does not. */
const ANSWER_WITHIN_MS = 90_000;
const PAUSE_MS = 3000;

/** Makes or deletes one user of the broker for CloudFormation, and tells CloudFormation how it went. */
export async function handler(event: unknown): Promise<void> {
  const request = v.parse(REQUEST, event);
  const { ResponseURL, StackId, RequestId, LogicalResourceId, PhysicalResourceId } = request;
  const outcome = await perform(request).then(
    (user) => ({ Status: 'SUCCESS', PhysicalResourceId: user }),
    (error: Error) => ({
      Status: 'FAILED',
      Reason: error.message,
      PhysicalResourceId: PhysicalResourceId ?? LogicalResourceId, // a user's that does not exist
    }),
  );
  console.info(`${request.RequestType}: ${JSON.stringify(outcome)}`);
  const body = JSON.stringify({ ...outcome, StackId, RequestId, LogicalResourceId });
  const headers = { 'Content-Type': '', 'Content-Length': Buffer.byteLength(body) }; // as the URL is signed
  await send(new URL(ResponseURL), { method: 'PUT', headers }, body);
}

/** @returns the user's name */
async function perform(asked: v.InferOutput<typeof REQUEST>): Promise<string> {
  const { RequestType, PhysicalResourceId = '', ResourceProperties } = asked;
  const { AdministratorSecretId, UserSecretId, Endpoint, Vhost: vhost, Tags: tags } = ResourceProperties;
  const deadline = Deadline.in(ANSWER_WITHIN_MS);
  const request = managementApi(Endpoint, await loginOf(AdministratorSecretId, deadline), deadline);
  if (RequestType === 'Delete') {
    await request('DELETE', ['users', PhysicalResourceId]); // whose secret may be gone already
    return PhysicalResourceId;
  }
  const { username, password } = await loginOf(UserSecretId, deadline);
  const { Configure: configure, Write: write, Read: read } = ResourceProperties;
  if (vhost !== '/') await request('PUT', ['vhosts', vhost]);
  await request('PUT', ['users', username], { password, tags });
  await request('PUT', ['permissions', vhost, username], { configure, write, read });
  return username;
}

async function loginOf(secretId: string, deadline: Deadline) {
  return v.parse(LOGIN, parseJson(await readSecret(secretId, deadline)));
}

/** RabbitMQ's management API, as its administrator; asked again until it answers. */
function managementApi(endpoint: string, login: v.InferOutput<typeof LOGIN>, deadline: Deadline) {
  const { protocol, hostname, origin } = new URL(endpoint);
  const api = `${protocol === 'amqps:' ? `https://${hostname}` : origin}/api`;
  const headers = { 'Content-Type': 'application/json' };
  const signal = deadline.signal();
  const options = { headers, auth: `${login.username}:${login.password}`, agent: false, signal };
  const ask = async (url: URL, method: string, body: string): ReturnType<typeof send> => {
    try {
      return await send(url, { ...options, method }, body);
    } catch (error) {
      if (deadline.leftMs < PAUSE_MS) throw new Error(`${url.origin} ${troubleOf(Object(error), signal)}`);
      await sleep(PAUSE_MS);
      return ask(url, method, body);
    }
  };
  /** @throws Error unless it is done; what is to be deleted may be gone already */
  return async (method: 'PUT' | 'DELETE', path: readonly string[], body: object = {}) => {
    const url = new URL(`${api}/${path.map(encodeURIComponent).join('/')}`);
    const { status } = await ask(url, method, JSON.stringify(body));
    if (status >= 400 && !(method === 'DELETE' && status === 404))
      throw new Error(`${method} ${url.href} answered with status ${status}`);
  };
}
