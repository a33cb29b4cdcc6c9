import { RabbitMqServer } from '../../infra/local/rabbitmq.ts';
import { Balancer } from './balancer.ts';

/** Three nodes of RabbitMQ behind a balancer, each of which can fail. */
export class RabbitMqCluster {
  readonly nodes: readonly RabbitMqServer[];
  readonly balancer: Balancer;

  static async start(extraConfig: readonly string[] = []): Promise<RabbitMqCluster> {
    const first = await RabbitMqServer.start(extraConfig);
    const others = await Promise.all([1, 2].map(() => RabbitMqServer.start(extraConfig, first)));
    for (const node of others) await node.join(first);
    const nodes = [first, ...others];
    return new RabbitMqCluster(nodes, await Balancer.before(nodes.map(({ url }) => url)));
  }

  private constructor(nodes: readonly RabbitMqServer[], balancer: Balancer) {
    this.nodes = nodes;
    this.balancer = balancer;
  }

  /** By way of the balancer. */
  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.balancer.port}`;
  }

  /** Cuts a node off from the others, which then take it for dead, while its clients still reach it. */
  async cutOff(node: RabbitMqServer): Promise<void> {
    await this.#eachOther(
      node,
      `erlang:set_cookie('${node.nodeName}', cut_off), erlang:disconnect_node('${node.nodeName}').`,
    );
  }

  /** Lets a node that was cut off find the others again. */
  async reconnect(node: RabbitMqServer): Promise<void> {
    await this.#eachOther(
      node,
      `erlang:set_cookie('${node.nodeName}', erlang:get_cookie()), net_adm:ping('${node.nodeName}').`,
    );
  }

  async stop(): Promise<void> {
    await this.balancer.close();
    for (const node of this.nodes) node.signal('SIGCONT');
    for (const node of [...this.nodes].reverse()) await node.stop(); // the first one's epmd is everybody's
  }

  async #eachOther(node: RabbitMqServer, expression: string): Promise<void> {
    for (const other of this.nodes) if (other !== node) await other.ctl('eval', expression);
  }
}
