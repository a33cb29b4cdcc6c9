import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withExamples } from './openapi-examples.ts';

// `npm run openapi`: writes into infra/openapi.json what it repeats of the code, made by the code.

const file = join(import.meta.dirname, '..', '..', 'infra', 'openapi.json');
const document = withExamples(JSON.parse(readFileSync(file, 'utf8')));
writeFileSync(file, `${JSON.stringify(document, undefined, 2)}\n`);
