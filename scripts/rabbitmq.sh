# shellcheck shell=bash
# shellcheck disable=SC2154  # who sources this sets program, free_port comes from scripts/processes.sh
# Sourced by scripts/run after scripts/processes.sh: a private RabbitMQ with a queue that gets every event.

rabbitmq_port=""
rabbitmq_api_port=""
rabbitmq_scripts=""
rabbitmq_environment=()

readonly rabbitmq_start_timeout_s=60

# start_rabbitmq STATE LOG: RabbitMQ with its data in STATE/rabbitmq. Sets rabbitmq_port and rabbitmq_api_port. It has
# an epmd of its own: one that it starts itself would outlive it.
start_rabbitmq() {
  local home=$1/rabbitmq log=$2 epmd_port distribution_port
  rabbitmq_scripts=$(find /usr/lib/rabbitmq/lib -mindepth 2 -maxdepth 2 -name sbin 2>/dev/null | sort -V | tail -n 1)
  [[ -n $rabbitmq_scripts ]] || fail "no rabbitmq-server"
  take_free_port
  rabbitmq_port=$free_port
  take_free_port
  rabbitmq_api_port=$free_port
  take_free_port
  epmd_port=$free_port
  take_free_port
  distribution_port=$free_port
  mkdir -p "$home"
  write_rabbitmq_settings "$home" "$1/secrets"
  # With RUNNING_UNDER_SYSTEMD the script becomes the node instead of starting it.
  rabbitmq_environment=("HOME=$home" "LANG=C.UTF-8" "RUNNING_UNDER_SYSTEMD=1" "ERL_EPMD_PORT=$epmd_port"
    ERL_EPMD_ADDRESS=127.0.0.1 RABBITMQ_NODENAME=flashsale@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1
    "RABBITMQ_NODE_PORT=$rabbitmq_port" "RABBITMQ_DIST_PORT=$distribution_port"
    "RABBITMQ_CONFIG_FILE=$home/rabbitmq.conf" "RABBITMQ_CONF_ENV_FILE=$home/rabbitmq-env.conf"
    "RABBITMQ_ENABLED_PLUGINS_FILE=$home/enabled_plugins" "RABBITMQ_MNESIA_BASE=$home/data"
    "RABBITMQ_LOG_BASE=$home" "RABBITMQ_PID_FILE=$home/pid" RABBITMQ_LOGS=-)
  start_child epmd "$log" TERM "" env "${rabbitmq_environment[@]}" epmd -port "$epmd_port" -address 127.0.0.1
  start_child rabbitmq "$log" TERM "" env "${rabbitmq_environment[@]}" "$rabbitmq_scripts/rabbitmq-server"
}

# write_rabbitmq_settings HOME SECRETS
write_rabbitmq_settings() {
  cat >"$1/rabbitmq.conf" <<TEXT
load_definitions = $1/definitions.json
management.tcp.ip = 127.0.0.1
management.tcp.port = $rabbitmq_api_port
TEXT
  : >"$1/rabbitmq-env.conf"
  echo '[rabbitmq_management].' >"$1/enabled_plugins"
  scripts/render_rabbitmq_definitions "$2" <config/rabbitmq_definitions.json >"$1/definitions.json"
}

rabbitmq_answers() (exec 3<>"/dev/tcp/127.0.0.1/$rabbitmq_port")

# await_rabbitmq LOG: until it answers. It has the queue by then: definitions are read before anybody is let in.
await_rabbitmq() {
  local deadline=$((SECONDS + rabbitmq_start_timeout_s))
  until rabbitmq_answers 2>/dev/null; do
    is_running rabbitmq || failed_by_log "RabbitMQ has ended" "$1"
    ((SECONDS < deadline)) || failed_by_log "RabbitMQ does not answer" "$1"
    sleep 0.1
  done
}
