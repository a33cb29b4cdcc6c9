import { CustomResource, Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct, type IDependable } from 'constructs';
import { StackFunction, type StackFunctionProps } from '../compute/stack-function.ts';
import { arnInPolicies, type BrokerSecret } from '../network/broker-access.ts';
import type { ParsedOptions } from '../settings/deployment-settings.ts';

export interface BrokerUsersProps {
  readonly endpoint: string;
  readonly administrator: BrokerSecret;
  readonly options: ParsedOptions;
  /** From 2 on a part of the user's name. Change it to give the functions a new user; the previous one is deleted. */
  readonly revision: number;
  /** A customer managed key for the users' secrets; undefined: Secrets Manager's own. */
  readonly key: IKey | undefined;
  /** Whether Trove gets a user, too. */
  readonly trove: boolean;
}

const EVERYTHING = { Tags: '', Configure: '.*', Write: '.*', Read: '.*' };

/** What RabbitMQ lets a user do. */
type Permissions = Readonly<typeof EVERYTHING>;

/** The users of a new broker, made with its management API by a function that runs for that alone: nobody else is its administrator. */
export class BrokerUsers extends Construct {
  /** Of the functions' user. */
  readonly secret: Secret;
  /** Of Trove's user, where it gets one. */
  readonly troveSecret: Secret | undefined;
  /** The secrets that the function reads, and nobody else but for the first. */
  readonly secretArns: readonly string[];
  readonly #props: BrokerUsersProps;

  constructor(scope: Construct, id: string, props: BrokerUsersProps) {
    super(scope, id);
    this.#props = props;
    const suffix = props.revision === 1 ? '' : `-${props.revision}`;
    this.secret = this.#secret(`Functions${suffix}`, `guest-rpc-ping${suffix}`);
    this.troveSecret = props.trove ? this.#secret('Trove', 'trove') : undefined;
    this.troveSecret?.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);
    const ofTrove = this.troveSecret === undefined ? [] : [this.troveSecret.secretArn];
    this.secretArns = [this.secret.secretArn, ...ofTrove, arnInPolicies(props.administrator)];
  }

  /** @param after what the function needs for its work @returns the functions' user, on which whatever logs in depends */
  make(props: Omit<StackFunctionProps, 'name'>, after: readonly IDependable[]): Construct {
    const { function: maker } = new StackFunction(this, 'Maker', {
      ...props,
      name: 'broker-users',
      description: "Makes the broker's users when the stack is deployed",
      timeout: Duration.minutes(3),
      memorySize: 256,
    });
    const user = (id: string, secret: Secret, permissions: Permissions) => {
      const resource = new CustomResource(this, id, {
        resourceType: 'Custom::BrokerUser',
        serviceToken: maker.functionArn,
        serviceTimeout: Duration.minutes(5),
        properties: {
          Endpoint: this.#props.endpoint,
          AdministratorSecretId: this.#props.administrator.secretArn,
          UserSecretId: secret.secretArn,
          Vhost: this.#props.options.brokerVhost,
          ...permissions,
        },
      });
      resource.node.addDependency(...after);
      return resource;
    };
    if (this.troveSecret) {
      const trove = user('TroveUser', this.troveSecret, EVERYTHING);
      trove.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE); // Trove depends on it
    }
    return user('FunctionsUser', this.secret, permissionsOf(this.#props.options));
  }

  #secret(id: string, username: string): Secret {
    const secret = new Secret(this, id, {
      description: `The broker's user ${username}`,
      ...(this.#props.key && { encryptionKey: this.#props.key }),
      generateSecretString: {
        secretStringTemplate: JSON.stringify({ username }),
        generateStringKey: 'password',
        passwordLength: 48,
        excludePunctuation: true,
      },
    });
    const reason =
      'Another brokerUserRevision makes another user with another password, without an interruption.';
    Validations.of(secret).acknowledge({ id: 'AwsSolutions-SMG4', reason });
    return secret;
  }
}

/** What infra/README.md says that the functions need. */
export function permissionsOf(
  options: Pick<ParsedOptions, 'controlExchange' | 'controlPlaneTopics'>,
): Permissions {
  const { controlExchange, controlPlaneTopics } = options;
  const topics = controlPlaneTopics.split(/[,:]/).filter((name) => name !== '');
  const names = [controlExchange, ...topics].map((name) => name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const [exchange, ...others] = new Set(names);
  return {
    Tags: 'management',
    Configure: '^reply_.*',
    Write: `^(${[exchange, 'guestagent\\..*', ...others].join('|')})$`,
    Read: '^reply_.*',
  };
}
