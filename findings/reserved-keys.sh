#!/usr/bin/env bash
# valibot drops the entries "prototype" and "constructor" of a record, whatever the schema says, and says that the input is valid: an
# environment of that name is gone, and a wrong value under it is no issue. So do looseObject and objectWithRest. strictObject sees them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" valibot@1.5.0

cat > parse.mjs <<'JS'
import * as v from 'valibot';
const hosts = JSON.parse('{ "production": "10.0.0.1", "prototype": "10.0.0.2", "constructor": 3 }');
const schemas = {
  record: v.record(v.string(), v.string()),
  'record of picklist': v.record(v.picklist(['production', 'prototype', 'constructor']), v.string()),
  looseObject: v.looseObject({ production: v.string() }),
  objectWithRest: v.objectWithRest({ production: v.string() }, v.string()),
  strictObject: v.strictObject({ production: v.string() }),
};
for (const [name, schema] of Object.entries(schemas)) {
  const { success, output, issues } = v.safeParse(schema, hosts);
  console.log(`${name}: ${success ? `valid, ${JSON.stringify(output)}` : issues[0].message}`);
}
JS
saw=$(node parse.mjs)
expected='record: valid, {"production":"10.0.0.1"}
record of picklist: valid, {"production":"10.0.0.1"}
looseObject: valid, {"production":"10.0.0.1"}
objectWithRest: valid, {"production":"10.0.0.1"}
strictObject: Invalid key: Expected never but received "prototype"'
echo 'valibot 1.5.0'
echo "$saw"
[ "$saw" = "$expected" ]
