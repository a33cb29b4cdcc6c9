#!/usr/bin/env bash
# oslo.serialization, with which oslo.messaging writes what an RPC method returns, looks three objects deep: what an object four levels
# down holds is written as null, without an error or a warning. Dictionaries within dictionaries have no such limit.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
source "$here/oslo-serialization.bash" # =5.0.0-2

cat > nested.py <<'PY'
from oslo_serialization import jsonutils

class Instance:
    """An object with items(), as versioned objects and database rows have them."""
    def __init__(self, child):
        self.child = child
    def items(self):
        return {'child': self.child}.items()

objects = dictionaries = 'bottom'
for depth in range(1, 5):
    objects, dictionaries = Instance(objects), {'child': dictionaries}
    print(depth, jsonutils.dumps(objects), jsonutils.dumps(objects) == jsonutils.dumps(dictionaries))
PY
saw=$(python nested.py)
expected='1 {"child": "bottom"} True
2 {"child": {"child": "bottom"}} True
3 {"child": {"child": {"child": "bottom"}}} True
4 {"child": {"child": {"child": null}}} False'
echo 'oslo.serialization 5.0.0'
echo "$saw"
[ "$saw" = "$expected" ]
