# shellcheck shell=bash
# Sourced by scripts/run and scripts/test after scripts/processes.sh: configuring and compiling.

# build PRESET [TARGET…]: everything without targets; false when it failed. Two builds in one directory wait for each
# other; one of another preset, which may take minutes, is not waited for.
build() {
  local preset=$1 directory="$project/build/$1" lock status=0
  shift
  mkdir -p "$directory"
  exec {lock}>"$directory/lock"
  if ! flock -n "$lock"; then
    say "waiting for another build in $directory"
    run_step flock "$lock"
  fi
  if [[ ! -e $directory/build.ninja ]]; then run_step cmake --preset "$preset" || status=$?; fi
  if ((status == 0)); then run_step cmake --build "$directory" ${1:+--target} "$@" || status=$?; fi
  exec {lock}>&-
  return "$status"
}

# has_target PRESET TARGET
has_target() { [[ $'\n'$(cmake --build "$project/build/$1" --target help) == *$'\n'"$2: "* ]]; }
