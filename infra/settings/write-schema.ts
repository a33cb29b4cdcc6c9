import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toJsonSchema } from '@valibot/to-json-schema';
import { DEPLOYMENT } from './deployment-settings.ts';

// `npm run schema`: writes the schema by which editors check a deployment's file.

const schema = toJsonSchema(DEPLOYMENT, { errorMode: 'ignore', typeMode: 'input' });
writeFileSync(
  join(import.meta.dirname, 'deployment.schema.json'),
  `${JSON.stringify(schema, undefined, 2)}\n`,
);
