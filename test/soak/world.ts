import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { RabbitMqServer } from '../../infra/local/parts/rabbitmq.ts';
import { TroveGuests } from '../../infra/local/parts/trove-guests.ts';
import { setMemoryAlarm } from '../setup/memory-alarm.ts';
import { GUESTS_OF_HOST, type Happening, HOSTS } from './plan.ts';
import { Timeline } from './timeline.ts';

/** `unsure`: on its way from one to the other, or the broker is. */
export type GuestTruth = 'alive' | 'killed' | 'frozen' | 'unsure';
export type BrokerTruth = 'up' | 'down' | 'blocked' | 'unsure';

export interface Guest {
  readonly id: string;
  readonly truth: Timeline<GuestTruth>;
}

/** How long an agent may take for its first request after it consumes its queue again. */
const SETTLE_MS = 6000;

/** After this a frozen agent has noticed that its connection is dead. */
const THAW_MS = 15_000;

const POLL_MS = 500;

/** A broker, real guests in several processes, and the truth about all of them. */
export class World {
  readonly rabbit: RabbitMqServer;
  readonly guests: readonly Guest[];
  readonly broker = new Timeline<BrokerTruth>('up');
  readonly counts = new Map<Happening['kind'], number>();
  /** How long the agents took after the broker's port opened, in milliseconds. */
  readonly returnedAfterMs: number[] = [];
  readonly #hosts: TroveGuests[] = [];
  /** What happens to the broker, one after the other. */
  #ofBroker = Promise.resolve();

  static async make(): Promise<World> {
    const world = new World(await RabbitMqServer.start());
    for (let host = 0; host < HOSTS; host++) await world.#startHost(host);
    return world;
  }

  private constructor(rabbit: RabbitMqServer) {
    this.rabbit = rabbit;
    this.guests = Array.from({ length: HOSTS * GUESTS_OF_HOST }, () => ({
      id: randomUUID(),
      truth: new Timeline<GuestTruth>('alive'),
    }));
  }

  async end(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.end()));
    await this.rabbit.stop();
  }

  /** Does it, and undoes it after its time. */
  async happen(happening: Happening): Promise<void> {
    this.counts.set(happening.kind, (this.counts.get(happening.kind) ?? 0) + 1);
    if (happening.kind === 'kill') await this.#kill(happening.host, happening.forMs);
    else if (happening.kind === 'freeze') await this.#freeze(happening.host, happening.forMs);
    else if (happening.kind === 'stop') await this.#stop(happening.guest, happening.forMs);
    else if (happening.kind === 'close connection') await this.#closeConnection(this.#guest(happening.guest));
    else {
      const { kind, forMs } = happening;
      this.#ofBroker = this.#ofBroker.then(() =>
        kind === 'memory alarm' ? this.#alarm(forMs) : this.#restart(forMs),
      );
      await this.#ofBroker;
    }
  }

  async #kill(host: number, forMs: number): Promise<void> {
    const guests = this.#guestsOf(host);
    become('unsure', guests);
    await this.#hosts[host]?.end();
    await setTimeout(1000); // until the broker has noticed
    become('killed', guests);
    await setTimeout(forMs);
    become('unsure', guests);
    await this.#startHost(host);
    await this.#alive(guests, SETTLE_MS);
  }

  async #freeze(host: number, forMs: number): Promise<void> {
    const guests = this.#guestsOf(host);
    become('unsure', guests);
    this.#hosts[host]?.signal('SIGSTOP');
    await setTimeout(500); // replies that are on their way
    become('frozen', guests);
    await setTimeout(forMs);
    become('unsure', guests);
    this.#hosts[host]?.signal('SIGCONT');
    await this.#alive(guests, THAW_MS);
  }

  async #stop(index: number, forMs: number): Promise<void> {
    const guest = this.#guest(index);
    const host = this.#hosts[Math.floor(index / GUESTS_OF_HOST)];
    become('unsure', [guest]);
    await host?.stop(guest.id);
    become('killed', [guest]);
    await setTimeout(forMs);
    become('unsure', [guest]);
    await host?.start(guest.id);
    await this.#alive([guest], SETTLE_MS);
  }

  async #closeConnection(guest: Guest): Promise<void> {
    become('unsure', [guest]);
    const close = async () => {
      const connection = (await this.#consumers()).get(guest.id);
      if (connection) await this.#request('DELETE', `connections/${encodeURIComponent(connection)}`);
    };
    await close().catch(() => undefined); // the broker may be down
    await this.#alive([guest], SETTLE_MS);
  }

  async #alarm(forMs: number): Promise<void> {
    this.broker.set('unsure');
    await setMemoryAlarm(this.rabbit, true);
    await setTimeout(1000);
    this.broker.set('blocked');
    await setTimeout(forMs);
    this.broker.set('unsure');
    await setMemoryAlarm(this.rabbit, false);
    await setTimeout(2000);
    this.broker.set('up');
  }

  async #restart(forMs: number): Promise<void> {
    this.broker.set('unsure');
    await this.rabbit.crash();
    this.broker.set('down');
    await setTimeout(forMs);
    this.broker.set('unsure');
    await this.rabbit.boot();
    const bootedMs = performance.now();
    const away = this.guests.filter(({ truth }) => truth.now === 'alive');
    become('unsure', away);
    this.broker.set('up');
    void this.#alive(away, SETTLE_MS, () => this.returnedAfterMs.push(performance.now() - bootedMs));
  }

  /** Waits until the guests consume their queues, and then for a while. */
  async #alive(
    guests: readonly Guest[],
    settleMs: number,
    onBack = () => undefined as unknown,
  ): Promise<void> {
    if (settleMs > SETTLE_MS) await setTimeout(settleMs - SETTLE_MS);
    const back = async (guest: Guest) => {
      while (!(await this.#consumers().catch(() => new Map<string, string>())).has(guest.id))
        await setTimeout(POLL_MS);
      onBack();
      await setTimeout(SETTLE_MS);
      if (guest.truth.now === 'unsure') guest.truth.set('alive');
    };
    await Promise.all(guests.map(back));
  }

  async #startHost(index: number): Promise<void> {
    const host = await TroveGuests.host({ brokerUrl: this.rabbit.url, debug: false });
    if (!host) throw new Error('No Trove guests here');
    this.#hosts[index] = host;
    for (const { id } of this.#guestsOf(index)) await host.start(id);
  }

  #guest(index: number): Guest {
    const guest = this.guests[index];
    if (!guest) throw new Error(`There is no guest ${index}`);
    return guest;
  }

  #guestsOf(host: number): readonly Guest[] {
    return this.guests.slice(host * GUESTS_OF_HOST, (host + 1) * GUESTS_OF_HOST);
  }

  #polled: { readonly atMs: number; readonly consumers: Promise<Map<string, string>> } | undefined;

  /** The connection of each guest that consumes its queue; asked at most every {@link POLL_MS}. */
  #consumers(): Promise<Map<string, string>> {
    if (this.#polled === undefined || performance.now() - this.#polled.atMs >= POLL_MS)
      this.#polled = { atMs: performance.now(), consumers: this.#askConsumers() };
    return this.#polled.consumers;
  }

  async #askConsumers(): Promise<Map<string, string>> {
    const list = (await this.#request('GET', 'consumers')) as {
      readonly queue: { readonly name: string };
      readonly channel_details: { readonly connection_name: string };
    }[];
    return new Map(
      list.map(({ queue, channel_details: channel }) => [
        queue.name.replace('guestagent.', ''),
        channel.connection_name,
      ]),
    );
  }

  async #request(method: string, path: string): Promise<unknown> {
    const headers = { authorization: `Basic ${btoa('guest:guest')}` };
    const response = await fetch(`${this.rabbit.managementUrl}/api/${path}`, { method, headers });
    const text = await response.text();
    return text === '' ? undefined : JSON.parse(text);
  }
}

function become(truth: GuestTruth, guests: readonly Guest[]): void {
  for (const guest of guests) guest.truth.set(truth);
}
