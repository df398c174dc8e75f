# shellcheck shell=bash
# shellcheck disable=SC2154  # program and project are set by who sources this, free_port by scripts/processes.sh
# Sourced by scripts/run and scripts/test after scripts/processes.sh: a private Redis and a private PostgreSQL.

redis_port=""
postgres_port=""
postgres_bin=""
postgres_identity=""
postgres_owner=""

readonly store_start_timeout_s=60

# start_redis STATE LOG: Redis (or Valkey) with its data in STATE/redis, and the users of config/redis_users.acl. Sets
# redis_port.
start_redis() {
  local state=$1 log=$2 server
  server=$(command -v redis-server || command -v valkey-server) || fail "no redis-server and no valkey-server"
  mkdir -p "$state/redis"
  "$project/scripts/render_redis_users" "$state/secrets" <"$project/config/redis_users.acl" >"$state/redis_users.acl"
  take_free_port
  redis_port=$free_port
  start_child redis "$log" TERM "" \
    "$server" "$project/config/redis.conf" --port "$redis_port" --dir "$state/redis" --logfile "" \
    --aclfile "$state/redis_users.acl"
}

redis_answers() (
  exec 3<>"/dev/tcp/127.0.0.1/$redis_port" || exit 1
  printf 'AUTH health -\r\nPING\r\n' >&3
  read -r -t 2 answer <&3 && [[ $answer == +OK* ]] && read -r -t 2 answer <&3 && [[ $answer == +PONG* ]]
)

# As root PostgreSQL refuses to run: then it runs as its package's user, or as nobody.
choose_postgres_identity() {
  local user group
  postgres_bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
  if [[ -z $postgres_bin ]]; then postgres_bin=$(dirname "$(command -v postgres)") || fail "no PostgreSQL server"; fi
  [[ $EUID -eq 0 ]] || return 0
  user=nobody
  if id -u postgres >/dev/null 2>&1; then user=postgres; fi
  group=$(id -g -n "$user")
  postgres_owner="$user:$group"
  postgres_identity="--reuid=$user --regid=$group --clear-groups"
}

# make_cluster DATA PASSWORD_FILE: under another name first, so that a cluster is whole or not there.
make_cluster() {
  local data=$1 password_file=$2
  rm -rf "$data.new" "$data.input"
  mkdir -m 700 "$data.new" "$data.input"
  cp "$password_file" "$data.input/password"
  if [[ -n $postgres_owner ]]; then chown -R "$postgres_owner" "$data.new" "$data.input"; fi
  # shellcheck disable=SC2086  # a list of options
  run_step setpriv $postgres_identity "$postgres_bin/initdb" -D /proc/self/fd/9 -U postgres -E UTF8 --locale=C.UTF-8 \
    --auth=scram-sha-256 --pwfile=/proc/self/fd/7/password 9<"$data.new" 7<"$data.input" >"$data.log" 2>&1 ||
    failed_by_log "initdb failed" "$data.log"
  rm -rf "$data.input" "$data.log"
  mv "$data.new" "$data"
}

# start_postgres STATE LOG: PostgreSQL with its data in STATE/postgres. Sets postgres_port. The server is given its
# directory as an open file: it may run as a user to whom the way there is closed (below /root, say).
start_postgres() {
  local state=$1 log=$2 data=$1/postgres
  choose_postgres_identity
  if [[ ! -e $data/PG_VERSION ]]; then make_cluster "$data" "$state/secrets/postgres_superuser_password"; fi
  cat "$project/config/postgresql.conf" >"$data/postgresql.conf"
  take_free_port
  postgres_port=$free_port
  # INT: a fast shutdown.
  start_child postgres "$log" INT "$postgres_identity" \
    "$postgres_bin/postgres" -D /proc/self/fd/9 -p "$postgres_port" 9<"$data"
}

postgres_answers() { "$postgres_bin/pg_isready" -q -h 127.0.0.1 -p "$postgres_port"; }

# await_store NAME LOG PROBE
await_store() {
  local deadline=$((SECONDS + store_start_timeout_s))
  until "$3" 2>/dev/null; do
    is_running "$1" || failed_by_log "$1 has ended" "$2"
    ((SECONDS < deadline)) || failed_by_log "$1 does not answer" "$2"
    sleep 0.05
  done
}

# start_stores STATE LOGS: both at once, until both answer.
start_stores() {
  start_redis "$1" "$2/redis.log"
  start_postgres "$1" "$2/postgres.log"
  await_store redis "$2/redis.log" redis_answers
  await_store postgres "$2/postgres.log" postgres_answers
}

# make_database STATE: the roles and the database.
make_database() {
  PGHOST=127.0.0.1 PGPORT=$postgres_port PGPASSWORD=$(<"$1/secrets/postgres_superuser_password") \
    PSQL=$postgres_bin/psql "$project/scripts/make_database" "$1/secrets" "$project/config/postgresql_roles.sql"
}

# After those that use them: PostgreSQL at most 13 s, Redis at most 5 s.
stop_stores() {
  signal_children INT postgres
  await_end 8 postgres || signal_children QUIT postgres
  await_end 5 postgres || true
  signal_children TERM redis
  await_end 5 redis || true
  kill_remains postgres redis
}
