import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A package's folder in the path of one of its files. */
const PACKAGE = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/;

const LICENSE_FILE = /^(licen[cs]e|copying|notice)/i;

/**
 * The names, versions and licences of the npm packages that are in a bundle.
 *
 * @param root the folder that the inputs are relative to
 * @param inputs the paths of the bundled files, as esbuild's metafile has them
 */
export async function noticeOf(root: string, inputs: readonly string[]): Promise<string> {
  const folders = new Set(inputs.flatMap((path) => PACKAGE.exec(path)?.[0] ?? []));
  const parts = await Promise.all([...folders].sort().map((folder) => describe(join(root, folder))));
  return ['This bundle contains parts of these packages:', ...parts, ''].join('\n\n');
}

async function describe(folder: string): Promise<string> {
  const { name, version, license, author, homepage } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  );
  if (typeof license !== 'string') throw new Error(`${folder} does not say under which licence it is`);
  const files = (await readdir(folder)).filter((file) => LICENSE_FILE.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  const from = texts.length > 0 ? [] : [`By ${author?.name ?? author ?? 'its authors'}, ${homepage ?? ''}`];
  return [`${name} ${version} (${license})`, ...from, ...texts.map((text) => text.trim())].join('\n\n');
}
