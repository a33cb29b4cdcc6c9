import { RabbitMqServer } from '../../infra/local/parts/rabbitmq.ts';
import { eventually } from '../setup/eventually.ts';
import { Balancer } from './balancer.ts';

/** Three nodes of RabbitMQ behind a balancer, each of which can fail. */
export class RabbitMqCluster {
  readonly nodes: readonly [RabbitMqServer, RabbitMqServer, RabbitMqServer];
  readonly balancer: Balancer;
  /** In front of the nodes' management API. */
  readonly managementBalancer: Balancer;
  #cutOff: RabbitMqServer | undefined;

  /** The transient queues of oslo.messaging's defaults are permitted: RabbitMQ 4.3 does so by default, a later one may not. */
  static async start(): Promise<RabbitMqCluster> {
    const config = ['deprecated_features.permit.transient_nonexcl_queues = true'];
    const first = await RabbitMqServer.start(config);
    const [second, third] = await Promise.all([
      RabbitMqServer.start(config, first),
      RabbitMqServer.start(config, first),
    ]);
    for (const node of [second, third]) {
      await node.ctl('stop_app');
      await node.ctl('join_cluster', first.nodeName);
      await node.ctl('start_app');
    }
    const nodes = [first, second, third] as const;
    return new RabbitMqCluster(
      nodes,
      await Balancer.before(nodes.map(({ url }) => url)),
      await Balancer.before(nodes.map(({ managementUrl }) => managementUrl)),
    );
  }

  private constructor(nodes: RabbitMqCluster['nodes'], balancer: Balancer, managementBalancer: Balancer) {
    this.nodes = nodes;
    this.balancer = balancer;
    this.managementBalancer = managementBalancer;
  }

  /** By way of the balancer. */
  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.balancer.port}`;
  }

  /** The management API, by way of its balancer. */
  get managementUrl(): string {
    return `http://127.0.0.1:${this.managementBalancer.port}`;
  }

  /** Cuts a node off from the others, which then take it for dead, while its clients still reach it. */
  async cutOff(node: RabbitMqServer): Promise<void> {
    const name = `'${node.nodeName}'`;
    this.#cutOff = node;
    await this.#eachOther(node, `erlang:set_cookie(${name}, cut_off), erlang:disconnect_node(${name}).`);
  }

  /** Undoes every fault, and waits until all nodes see each other. */
  async heal(): Promise<void> {
    for (const node of this.nodes) node.signal('SIGCONT');
    await Promise.all(this.nodes.filter((node) => !node.isRunning).map((node) => node.boot()));
    if (this.#cutOff !== undefined) {
      const name = `'${this.#cutOff.nodeName}'`;
      await this.#eachOther(
        this.#cutOff,
        `erlang:set_cookie(${name}, erlang:get_cookie()), net_adm:ping(${name}).`,
      );
      this.#cutOff = undefined;
    }
    await Promise.all(
      this.nodes.map((node) =>
        eventually(
          () => node.ctl('eval', 'length(rabbit_nodes:list_running()).'),
          (running) => running.trim() === '3',
          60_000,
        ),
      ),
    );
  }

  async stop(): Promise<void> {
    await this.balancer.close();
    await this.managementBalancer.close();
    for (const node of this.nodes) node.signal('SIGCONT');
    for (const node of [...this.nodes].reverse()) await node.stop(); // the first one's epmd is everybody's
  }

  async #eachOther(node: RabbitMqServer, expression: string): Promise<void> {
    for (const other of this.nodes) if (other !== node) await other.ctl('eval', expression);
  }
}
