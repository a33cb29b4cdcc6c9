import { readFileSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { type Bundles, bundleAll } from '../../bundle/bundle.ts';
import { GuestRpcPingStack } from '../../guest-rpc-ping-stack.ts';
import { readSettings } from '../../settings/deployment-settings.ts';
import type { Route } from './gateway.ts';
import type { LocalFunction } from './lambda-process.ts';
import { TemporaryFolder } from './temporary-folder.ts';

/** A function as the synthesized template describes it. */
export interface SynthesizedFunction extends LocalFunction {
  readonly memoryMb: number;
  /** Environment variables. A value that is not text gets known when the stack is deployed. */
  readonly environment: Readonly<Record<string, unknown>>;
}

/** The parts of a CloudFormation template that this file reads. */
interface Template {
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties: Properties }>>;
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

const ROOT = join(import.meta.dirname, '..', '..', '..');

/** The stack that `cdk deploy` would deploy, synthesized into a temporary folder. */
export class Synthesized {
  readonly template: Template;
  readonly stack: GuestRpcPingStack;
  readonly #folder: TemporaryFolder;

  /** @param settings added to those of `cdk.json` @throws InvalidSetting */
  static async stack(
    settings: Readonly<Record<string, unknown>> = {},
    bundles: Bundles | Promise<Bundles> = bundleAll(),
  ): Promise<Synthesized> {
    const { context } = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8'));
    const folder = new TemporaryFolder('cdk');
    const app = new App({
      outdir: folder.path,
      context: { ...context, ...settings },
      builtinCloudFormationValidation: false, // takes seconds; `cdk synth` and a test do it
    });
    const read = readSettings(app.node.getAllContext());
    const stack = new GuestRpcPingStack(app, read.stackName, read, await bundles);
    app.synth();
    await symlink(join(ROOT, 'node_modules'), folder.file('node_modules')); // for the SDK, which Lambda's runtime has
    return new Synthesized(stack, folder);
  }

  private constructor(stack: GuestRpcPingStack, folder: TemporaryFolder) {
    this.stack = stack;
    this.#folder = folder;
    this.template = JSON.parse(readFileSync(folder.file(stack.templateFile), 'utf8'));
  }

  /** The route of the ping, which is the only one besides `$default`. */
  get route(): Route {
    const keys = this.resources('AWS::ApiGatewayV2::Route').map(({ RouteKey = '' }) => RouteKey);
    const [method = '', path = ''] = keys.find((key) => key !== '$default')?.split(' ') ?? [];
    return { method, path };
  }

  /** @param name of the entry `functions/<name>.ts` */
  function(name: string): SynthesizedFunction {
    const functions = this.resources('AWS::Lambda::Function');
    const found = functions.find(({ FunctionName }) => FunctionName === `${this.stack.stackName}-${name}`);
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
