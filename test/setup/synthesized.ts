import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Stack } from 'aws-cdk-lib';
import type { LocalFunction } from '../../infra/local/parts/lambda-process.ts';
import { TemporaryFolder } from '../../infra/local/parts/temporary-folder.ts';

/** A function as the synthesized template describes it. */
export interface SynthesizedFunction extends LocalFunction {
  readonly memoryMb: number;
  /** Environment variables. A value that is not text gets known when the stack is deployed. */
  readonly environment: Readonly<Record<string, unknown>>;
}

/** The parts of a CloudFormation template that this file reads, here of all stacks together. */
interface Template {
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties: Properties }>>;
  readonly Outputs: object;
}

interface Properties {
  readonly [name: string]: unknown;
  readonly RouteKey?: string;
  readonly FunctionName?: string;
  readonly Timeout?: number;
  readonly MemorySize?: number;
  readonly Code?: { readonly S3Key: string };
  readonly Environment?: { readonly Variables: Readonly<Record<string, unknown>> };
}

const ROOT = join(import.meta.dirname, '..', '..');

/** A deployment's stacks as `cdk deploy` would deploy them, synthesized into a temporary folder. */
export class Synthesized {
  readonly template: Template;
  /** The functions' stack; undefined: it was synthesized in another thread. */
  readonly stack: Stack | undefined;
  readonly #stackName: string;
  readonly #folder: TemporaryFolder;

  /** @param settings by default those of the example beside an existing broker @throws InvalidSettings */
  static async stack(
    settings?: Readonly<Record<string, unknown>>,
    bundles?: string | Promise<string>,
    name?: string,
  ): Promise<Synthesized> {
    const { synthesize } = await import('./synthesize.ts');
    const folder = new TemporaryFolder('cdk');
    const stack = await synthesize(folder.path, settings, bundles, name);
    return Synthesized.#in(folder, stack.stackName, stack);
  }

  /** The same, without further settings, in a thread: CDK keeps the thread that it runs in busy for seconds. */
  static async inThread(): Promise<Synthesized> {
    const folder = new TemporaryFolder('cdk');
    const worker = new Worker(join(import.meta.dirname, 'synthesis-thread.ts'), { workerData: folder.path });
    const [stackName] = await once(worker, 'message');
    return Synthesized.#in(folder, stackName);
  }

  static async #in(folder: TemporaryFolder, name: string, stack?: Stack): Promise<Synthesized> {
    await symlink(join(ROOT, 'node_modules'), folder.file('node_modules')); // for the SDK, which Lambda's runtime has
    return new Synthesized(folder, name, stack);
  }

  private constructor(folder: TemporaryFolder, stackName: string, stack: Stack | undefined) {
    this.stack = stack;
    this.#stackName = stackName;
    this.#folder = folder;
    const templates = globSync('*.template.json', { cwd: folder.path }).map((file) =>
      JSON.parse(readFileSync(folder.file(file), 'utf8')),
    );
    const merged = (part: 'Resources' | 'Outputs') => Object.assign({}, ...templates.map((one) => one[part]));
    this.template = { Resources: merged('Resources'), Outputs: merged('Outputs') };
  }

  /** The route of the ping. */
  get route(): { readonly method: string; readonly path: string } {
    const keys = this.resources('AWS::ApiGatewayV2::Route').map(({ RouteKey = '' }) => RouteKey);
    const [method = '', path = ''] = keys.find((key) => key.endsWith('/rpc_ping'))?.split(' ') ?? [];
    return { method, path };
  }

  /** @param name of the entry `functions/<name>.ts` */
  function(name: string): SynthesizedFunction {
    const functions = this.resources('AWS::Lambda::Function');
    const found = functions.find(({ FunctionName }) => FunctionName === `${this.#stackName}-${name}`);
    if (!found?.FunctionName || !found.Code || !found.Environment || !found.Timeout || !found.MemorySize)
      throw new Error(`The stack has no function ${name}`);
    const asset = this.#folder.file(`asset.${found.Code.S3Key.replace(/\.zip$/, '')}`);
    return {
      name: found.FunctionName,
      bundlePath: join(asset, 'index.mjs'),
      environment: found.Environment.Variables,
      timeoutMs: found.Timeout * 1000,
      memoryMb: found.MemorySize,
    };
  }

  /** The properties of all resources of a type. */
  resources(type: string): Properties[] {
    const ofType = Object.values(this.template.Resources).filter(({ Type }) => Type === type);
    return ofType.map(({ Properties }) => Properties);
  }

  remove(): Promise<void> {
    return this.#folder.remove();
  }
}
