# shellcheck shell=bash
# shellcheck disable=SC2154  # who sources this sets project
# Sourced by scripts/run and scripts/test after scripts/processes.sh: configuring and compiling.

# Whether warnings are errors: scripts/test says yes where CI=true. For who merely builds, a newer compiler's warnings
# are none.
warnings_are_errors=no

# configured DIRECTORY: is it as this script wants it? Strictness once asked for stays, so that running and testing in
# turn does not compile everything each time.
configured() {
  [[ -e $1/build.ninja ]] || return 1
  [[ $warnings_are_errors == no ]] || grep -q -x 'FLASHSALE_WERROR:BOOL=ON' "$1/CMakeCache.txt"
}

# build PRESET [TARGET…]: everything without targets; false when it failed. Two builds in one directory wait for each
# other; one of another preset, which may take minutes, is not waited for.
build() {
  local preset=$1 directory="$project/build/$1" lock status=0 options=()
  shift
  mkdir -p "$directory"
  exec {lock}>"$directory/lock"
  if ! flock -n "$lock"; then
    say "waiting for another build in $directory"
    run_step flock "$lock"
  fi
  if [[ $warnings_are_errors == yes ]]; then options=(-DFLASHSALE_WERROR=ON); fi
  if ! configured "$directory"; then run_step cmake --preset "$preset" "${options[@]}" || status=$?; fi
  if ((status == 0)); then run_step cmake --build "$directory" ${1:+--target} "$@" || status=$?; fi
  exec {lock}>&-
  return "$status"
}
