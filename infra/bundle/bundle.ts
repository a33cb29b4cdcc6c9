import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { AMQP_SUBSET } from './amqp-subset.ts';
import { BUNDLES, FUNCTIONS } from './bundles.ts';
import { noticeOf } from './licences.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/**
 * Takes Node's own modules from `process.getBuiltinModule`. An `import` reads all that such a module exports, and so loads
 * what is made on demand: the streams and promises of `node:fs`, WebCrypto.
 */
const BUILTINS: Plugin = {
  name: 'builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'builtin', sideEffects: false } : undefined,
    );
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => {
      const names = Object.keys(process.getBuiltinModule(path) ?? {});
      const exported = names.map((name) => `export const ${name} = /* @__PURE__ */ take('${name}');`);
      const module = `const module = process.getBuiltinModule('${path}');\nconst take = (name) => module[name];`;
      return { contents: [module, 'export default module;', ...exported].join('\n') };
    });
  },
};

/**
 * esbuild's options: one ES module for Lambda's runtime, which may await the broker at its top level; minified, with
 * readable names in stack traces.
 */
export const BUILD_OPTIONS = {
  bundle: true,
  minifyWhitespace: true,
  minifySyntax: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  banner: { js: 'const require=process.getBuiltinModule;' }, // for amqplib, which is CommonJS; all else is bundled
  external: ['@aws-sdk/*'], // loaded on demand; since Node 18, Lambda finds its own copy for ES modules, too
  legalComments: 'none',
  plugins: [BUILTINS],
} as const satisfies BuildOptions;

/**
 * Bundles one function as it is deployed, with a NOTICE of the licences of what is in it. What the entry imports by
 * `import()` is in the same file, and is evaluated then.
 *
 * @param name of the entry `functions/<name>.ts`
 * @returns the file's path, `dist/<name>/index.mjs`
 */
export async function bundle(name: string): Promise<string> {
  const outfile = join(BUNDLES, name, 'index.mjs');
  const unfinished = join(BUNDLES, `${name}-${randomUUID()}.mjs`);
  const entryPoints = [join(ROOT, 'functions', `${name}.ts`)];
  const plugins = [...BUILD_OPTIONS.plugins, AMQP_SUBSET];
  const options = { ...BUILD_OPTIONS, plugins, entryPoints, outfile: unfinished, absWorkingDir: ROOT };
  const { metafile } = await build({ ...options, metafile: true });
  await mkdir(dirname(outfile), { recursive: true });
  await writeFile(`${unfinished}.NOTICE`, await noticeOf(ROOT, Object.keys(metafile.inputs)));
  await rename(`${unfinished}.NOTICE`, join(dirname(outfile), 'NOTICE'));
  await rename(unfinished, outfile); // atomic: another process may be reading the file
  return outfile;
}

/** @returns the folder of the bundles */
export async function bundleAll(): Promise<string> {
  await Promise.all(FUNCTIONS.map(bundle));
  return BUNDLES;
}
