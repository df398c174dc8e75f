# shellcheck shell=bash
# shellcheck disable=SC2154  # who sources this sets program
# Sourced by scripts/run and scripts/test: processes that they start and end by their ids, and free TCP ports.

# Packages put servers where a plain user's PATH does not lead.
PATH="$PATH:/usr/sbin:/sbin"
export PATH

declare -A child_pids=()
child_names=()
step_pid=""
taken_ports=" "
free_port=""

say() { echo "$program: $*" >&2; }

fail() {
  say "$*"
  exit 1
}

# failed_by_log WHAT LOG: ends, with the end of the log that tells why.
failed_by_log() {
  tail -n 20 "$2" >&2
  fail "$1: see $2"
}

# Allows as many open files as may be had: a crowd has many sockets.
raise_file_limit() {
  local most
  most=$(ulimit -H -n)
  if [[ $most == unlimited || $most -gt 1048576 ]]; then most=1048576; fi
  ulimit -S -n "$most" || true
}

# start_child NAME LOG DEATH_SIGNAL IDENTITY COMMAND…: starts COMMAND in a session of its own, so that a terminal's
# Ctrl-C reaches this script alone, which then ends its children in order. Should this script be killed itself, the
# kernel sends DEATH_SIGNAL. IDENTITY: options of setpriv that change the user, or nothing.
start_child() {
  local name=$1 log=$2 death_signal=$3 identity=$4
  shift 4
  # shellcheck disable=SC2086  # a list of options
  setsid setpriv $identity --pdeathsig "$death_signal" "$@" >>"$log" 2>&1 </dev/null &
  child_pids[$name]=$!
  child_names+=("$name")
}

is_running() { [[ -n "${child_pids[$1]:-}" ]] && kill -0 "${child_pids[$1]}" 2>/dev/null; }

# run_step COMMAND…: runs it to its end; unlike a plain command it does not keep a signal to this script waiting.
# It does not inherit descriptor 8, the lock that scripts/run holds.
run_step() {
  local status=0
  setsid "$@" </dev/null 8>&- &
  step_pid=$!
  wait "$step_pid" || status=$?
  step_pid=""
  return "$status"
}

# Waits until the last process of the step is gone: a database that is being made would else still be written where the
# next start begins anew.
end_step() {
  local tries
  [[ -n $step_pid ]] || return 0
  kill -TERM -- "-$step_pid" 2>/dev/null || return 0
  for ((tries = 0; tries < 50; ++tries)); do
    kill -0 -- "-$step_pid" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL -- "-$step_pid" 2>/dev/null || true
}

# signal_children SIGNAL NAME…: also to one that somebody has stopped (SIGSTOP): it could not end otherwise.
signal_children() {
  local signal=$1 name
  shift
  for name in "$@"; do
    if is_running "$name"; then
      kill -s "$signal" "${child_pids[$name]}" 2>/dev/null || true
      kill -s CONT "${child_pids[$name]}" 2>/dev/null || true
    fi
  done
}

any_running() {
  local name
  for name in "$@"; do
    if is_running "$name"; then return 0; fi
  done
  return 1
}

# await_end SECONDS NAME…: false if one of them still runs then.
await_end() {
  local deadline=$((SECONDS + $1))
  shift
  while any_running "$@"; do
    if ((SECONDS >= deadline)); then return 1; fi
    sleep 0.05
  done
}

# kill_remains NAME…: whatever is left, with the processes that it started (an nginx that was killed leaves workers).
kill_remains() {
  local name
  for name in "$@"; do
    [[ -n "${child_pids[$name]:-}" ]] || continue
    if is_running "$name"; then say "$name does not end: killing it"; fi
    kill -s KILL -- "-${child_pids[$name]}" 2>/dev/null || true
  done
}

# Is a TCP port being listened on, at whatever address?
port_is_taken() {
  local hex
  printf -v hex '%04X' "$1"
  grep -q -s -E "^ *[0-9]+: [0-9A-F]+:$hex [0-9A-F]+:0000 0A " /proc/net/tcp /proc/net/tcp6
}

# Sets free_port: below the ports that the kernel gives to outgoing connections, and none twice.
take_free_port() {
  local tries=0
  while ((tries++ < 1000)); do
    free_port=$((RANDOM % 12000 + 20000))
    if [[ $taken_ports != *" $free_port "* ]] && ! port_is_taken "$free_port"; then
      taken_ports+="$free_port "
      return
    fi
  done
  fail "no free TCP port between 20000 and 31999"
}
