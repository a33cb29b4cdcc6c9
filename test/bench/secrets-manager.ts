import { AwsStandIn } from '../setup/aws-stand-in.ts';

/** Stands for Secrets Manager: answers each request at once with the broker's credentials. */
export class SecretsManager {
  /** The time of the last answer, in milliseconds since 1970. */
  answeredAt: number | undefined;
  readonly #standIn: AwsStandIn;

  static async start(): Promise<SecretsManager> {
    const secrets: SecretsManager = new SecretsManager(
      await AwsStandIn.start(() => {
        secrets.answeredAt = performance.timeOrigin + performance.now();
        return { body: { SecretString: JSON.stringify({ username: 'guest', password: 'guest' }) } };
      }),
    );
    return secrets;
  }

  private constructor(standIn: AwsStandIn) {
    this.#standIn = standIn;
  }

  get settings(): Record<string, string> {
    return this.#standIn.settings;
  }

  end(): Promise<void> {
    return this.#standIn.close();
  }
}
