#!/usr/bin/env bash
# esbuild bundles import('./report.js') into one ES module and runs report.js only when it is asked for, but what report.js imports from
# outside the bundle is imported at the bundle's start. Where that package is missing, the bundle does not start, and no try around
# import() helps. The source, a CommonJS bundle and one with --splitting load it when it is asked for.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" esbuild@0.28.2

mkdir -p node_modules/heavy
echo '{ "name": "heavy", "version": "1.0.0", "type": "module", "exports": "./heavy.js" }' > node_modules/heavy/package.json
echo "console.log('heavy loads'); export const draw = () => {};" > node_modules/heavy/heavy.js
echo "import { draw } from 'heavy'; console.log('report.js runs'); export const report = () => draw();" > report.js
cat > main.mjs <<'JS'
console.log('main starts');
async function report() {
  try {
    (await import('./report.js')).report();
  } catch {
    console.log('no report');
  }
}
if (process.argv[2] === 'report') report();
console.log('main ends');
JS
echo '{ "type": "module" }' > package.json
build() { node_modules/.bin/esbuild --bundle --platform=node --external:heavy --log-level=warning "$@"; }
build main.mjs --format=esm --outfile=one-file.mjs
build main.mjs --format=esm --splitting --outdir=split --out-extension:.js=.mjs
build main.mjs --format=cjs --outfile=one-file.cjs

run() {
  local program
  for program in main.mjs one-file.mjs split/main.mjs one-file.cjs; do
    echo "$program $1: $({ node "$program" "$1" 2> error || grep -o -m 1 'ERR_[A-Z_]*' error; } | paste -sd, | sed 's/,/, /g')"
  done
}
saw=$(run nothing
  rm -r node_modules/heavy
  echo 'without the package:'
  run report)
expected='main.mjs nothing: main starts, main ends
one-file.mjs nothing: heavy loads, main starts, main ends
split/main.mjs nothing: main starts, main ends
one-file.cjs nothing: main starts, main ends
without the package:
main.mjs report: main starts, main ends, no report
one-file.mjs report: ERR_MODULE_NOT_FOUND
split/main.mjs report: main starts, main ends, no report
one-file.cjs report: main starts, main ends, no report'
echo 'esbuild 0.28.2'
echo "$saw"
[ "$saw" = "$expected" ]
