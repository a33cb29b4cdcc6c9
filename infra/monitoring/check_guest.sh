#!/bin/sh
# check_guest URL TOKEN_FILE: 0 the guest answers, 2 it does not, 3 nobody can say (the broker, Keystone, the token)
token=$(cat "$2" 2>&1) || { echo "UNKNOWN: $token"; exit 3; }
answer=$(printf 'header = "X-Auth-Token: %s"\n' "$token" |
  curl -sS -m 25 -K - -D - -o /dev/null -w '%{http_code}' "$1" 2>&1) ||
  { echo "UNKNOWN: $(printf '%s\n' "$answer" | grep -m 1 '^curl:')"; exit 3; }
status=$(printf '%s' "$answer" | tail -n 1)
reason=$(printf '%s' "$answer" | sed -n 's/^[Pp]roxy-[Ss]tatus:.*details="\([a-z_]*\)".*/\1/p')
case $status in
  204) echo "OK: the guest answers"; exit 0 ;;
  400) case $reason in
    broker_*|exchange_missing|queue_down) echo "UNKNOWN: $reason"; exit 3 ;;
    *) echo "CRITICAL: $reason"; exit 2 ;;
  esac ;;
  *) echo "UNKNOWN: HTTP $status"; exit 3 ;;
esac
