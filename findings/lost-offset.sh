#!/usr/bin/env bash
# oslo.serialization, with which oslo.messaging writes what an RPC method returns, drops a moment's offset from UTC and keeps its local
# time: noon at +02:00 and noon in UTC, two hours apart, are written alike. The same moment has two spellings.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
source "$here/oslo-serialization.bash" # =5.0.0-2

cat > moments.py <<'PY'
from datetime import datetime, timedelta, timezone
from oslo_serialization import jsonutils
noon = datetime(2026, 7, 1, 12, tzinfo=timezone.utc)
for moment in [noon, noon.replace(tzinfo=timezone(timedelta(hours=2))), noon.astimezone(timezone(timedelta(hours=2)))]:
    print(moment.isoformat(), 'is written', jsonutils.dumps(moment))
PY
saw=$(python moments.py)
expected='2026-07-01T12:00:00+00:00 is written "2026-07-01T12:00:00.000000"
2026-07-01T12:00:00+02:00 is written "2026-07-01T12:00:00.000000"
2026-07-01T14:00:00+02:00 is written "2026-07-01T14:00:00.000000"'
echo 'oslo.serialization 5.0.0'
echo "$saw"
[ "$saw" = "$expected" ]
