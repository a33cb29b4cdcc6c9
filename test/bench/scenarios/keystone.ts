import { ensureDebianPackages } from '../../../infra/local/parts/debian-packages.ts';
import { Gateway } from '../../../infra/local/parts/gateway.ts';
import { Keystone } from '../../../infra/local/parts/keystone.ts';
import { LambdaProcess } from '../../../infra/local/parts/lambda-process.ts';
import { authtokenConfig, TroveApiServer } from '../../../infra/local/parts/trove-api-server.ts';
import { latency, METHOD, PINGS, pinger, race, samplesTable, WARM_UP } from '../race.ts';
import { goal, type Section } from '../report.ts';
import { httpClient } from '../rivals.ts';
import { pings, type Stage } from '../stage.ts';

const OURS = 'ours';
const TROVE = "Trove's API";

/** Measures pings over HTTP that both our function and Trove's API let in by a real Keystone. */
export async function keystone(stage: Stage): Promise<Section> {
  const title = 'With Keystone';
  const isInstallable = ensureDebianPackages('python3-keystonemiddleware');
  const server = isInstallable && stage.guests !== undefined ? await Keystone.start() : undefined;
  if (server === undefined)
    return { title, body: ['Keystone or Trove cannot be installed here.'], goals: [] };

  const tenant = await server.createProject('databases');
  for (const name of ['boss', 'trove'])
    await server.grant(await server.createUser(name), 'admin', `projects/${tenant}`);
  const caller = { tenant, token: await server.login('boss', { project: { id: tenant } }) };
  const trove = await TroveApiServer.start(
    stage.rabbit.url,
    { [stage.plainId]: null },
    authtokenConfig(server.url, 'databases'),
  );
  const settings = { BROKER_URL: stage.rabbit.url, KEYSTONE_URL: server.url };
  const lambda = await LambdaProcess.start(stage.ping, settings, () => undefined);
  const gateway = await Gateway.listen((event) => lambda.invoke(event));
  const first = pings(stage.plainId, WARM_UP);
  const samples = await race(stage.plainId, {
    [OURS]: pinger(() => httpClient(gateway.url, first, caller), lambda.pid),
    [TROVE]: pinger(
      () => httpClient(trove.url, pings(stage.plainId, PINGS / 5), caller),
      trove.pid,
      PINGS / 5,
    ),
  });
  await gateway.close();
  await lambda.end();
  await trove.end();
  await server.stop();
  return {
    title,
    body: [
      "A caller with a real token, over HTTP, to a real Trove guest in the clear; ours through the local gateway, Trove's API with keystonemiddleware in front:",
      samplesTable(samples),
      `${METHOD}. Both keep a good token for 300 s, so that Keystone is hardly asked.`,
    ],
    goals: [
      goal("With Keystone, over HTTP: faster than Trove's API", latency(samples, TROVE, OURS), {
        atLeast: 1,
      }),
    ],
  };
}
