# Sourced by the findings that need a broker: starts Debian 12's RabbitMQ in the temporary folder $work, on free ports of loopback.
# Its argument is a further plugin. Afterwards $amqp is its URL, $management that of its management API (guest, guest). It ends with the shell.

RABBITMQ=3.10.8-1.1+deb12u1

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

start_rabbitmq() {
  local root=$work/debian port management_port
  mkdir -p "$work/packages" "$root"
  (cd "$work/packages" && apt-get download -qq -o APT::Sandbox::User=root "rabbitmq-server=$RABBITMQ" $(apt-cache depends --recurse --no-recommends \
    --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances "rabbitmq-server=$RABBITMQ" | grep -oE '^erlang-[a-z-]+$'))
  for package in "$work"/packages/*.deb; do dpkg-deb -x "$package" "$root"; done
  port=$(free_port) management_port=$(free_port)
  cat > "$work/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$port
management.tcp.ip = 127.0.0.1
management.tcp.port = $management_port
CONF
  echo "[rabbitmq_management${1:+, $1}]." > "$work/enabled_plugins"
  : > "$work/env.conf"
  epmd_port=$(free_port)
  export ERL_EPMD_PORT=$epmd_port ERL_ROOTDIR=$root/usr/lib/erlang
  "$root"/usr/lib/erlang/erts-*/bin/epmd -daemon -port "$epmd_port" -address 127.0.0.1
  env HOME="$work" PATH="$root/usr/bin:$PATH" RABBITMQ_NODENAME="finding-$port@localhost" RABBITMQ_DIST_PORT="$(free_port)" \
    RABBITMQ_CONF_ENV_FILE="$work/env.conf" RABBITMQ_CONFIG_FILE="$work/rabbitmq.conf" RABBITMQ_LOGS=- \
    RABBITMQ_ENABLED_PLUGINS_FILE="$work/enabled_plugins" RABBITMQ_MNESIA_BASE="$work/data" RABBITMQ_LOG_BASE="$work" \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-start_epmd false' \
    "$root/usr/lib/rabbitmq/bin/rabbitmq-server" > "$work/rabbitmq.log" 2>&1 &
  rabbitmq=$!
  trap 'kill $rabbitmq; wait $rabbitmq || true; epmd_stop; rm -rf "$work"' EXIT
  amqp=amqp://guest:guest@127.0.0.1:$port management=http://127.0.0.1:$management_port
  for _ in $(seq 240); do
    if curl -sf -u guest:guest "$management/api/overview" > "$work/overview.json"; then return; fi
    kill -0 $rabbitmq || { cat "$work/rabbitmq.log" >&2; return 1; }
    sleep 0.5
  done
  cat "$work/rabbitmq.log" >&2
  return 1
}

epmd_stop() { "$work"/debian/usr/lib/erlang/erts-*/bin/epmd -port "$epmd_port" -kill > /dev/null || true; }
