import { AwsStandIn } from '../setup/aws-stand-in.ts';

/** Stands for Secrets Manager: answers each request at once with the broker's credentials. */
export class SecretsManager {
  readonly #standIn: AwsStandIn;

  static async start(): Promise<SecretsManager> {
    const secret = JSON.stringify({ username: 'guest', password: 'guest' });
    return new SecretsManager(await AwsStandIn.start(() => ({ body: { SecretString: secret } })));
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
