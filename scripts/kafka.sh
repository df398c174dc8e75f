# shellcheck shell=bash
# shellcheck disable=SC2154  # program and project are set by who sources this, free_port by scripts/processes.sh
# Sourced by scripts/run and scripts/test after scripts/processes.sh: the jars of Apache Kafka, and a private one.

kafka_port=""
readonly kafka_jars=$project/build/kafka
readonly kafka_options=(-XX:TieredStopAtLevel=1
  "-Dlog4j.configuration=file:$project/config/kafka/log4j.properties")
readonly kafka_topic=flashsale.events
readonly kafka_fetch_timeout_s=600
readonly kafka_start_timeout_s=60

# fetch_kafka LOG: the jars that config/kafka/pom.xml names, by Maven, once. False where they cannot be had.
fetch_kafka() {
  if [[ -e $kafka_jars.complete && ! $project/config/kafka/pom.xml -nt $kafka_jars.complete ]]; then return; fi
  rm -rf "$kafka_jars" "$kafka_jars.complete"
  run_step timeout -k 10 "$kafka_fetch_timeout_s" mvn -q -B -f "$project/config/kafka/pom.xml" \
    dependency:copy-dependencies "-DoutputDirectory=$kafka_jars" >"$1" 2>&1 && touch "$kafka_jars.complete"
}

# start_kafka STATE LOG: Kafka of one node with its data in STATE/kafka. Sets kafka_port.
start_kafka() {
  local home=$1/kafka log=$2 controller_port
  take_free_port
  kafka_port=$free_port
  take_free_port
  controller_port=$free_port
  mkdir -p "$home"
  {
    cat "$project/config/kafka/server.properties"
    echo "controller.quorum.voters=1@127.0.0.1:$controller_port"
    echo "listeners=PLAINTEXT://127.0.0.1:$kafka_port,CONTROLLER://127.0.0.1:$controller_port"
    echo "advertised.listeners=PLAINTEXT://127.0.0.1:$kafka_port"
    echo "log.dirs=data"
  } >"$home/server.properties"
  if [[ ! -e $home/data/meta.properties ]]; then
    run_step env -C "$home" java -Xmx256m -cp "$kafka_jars/*" kafka.tools.StorageTool format -t "$(kafka_cluster_id)" \
      -c server.properties >>"$log" 2>&1 || failed_by_log "making Kafka's directory failed" "$log"
  fi
  start_child kafka "$log" TERM "" env -C "$home" \
    java -Xmx512m "${kafka_options[@]}" -cp "$kafka_jars/*" kafka.Kafka server.properties
}

# 16 bytes in base64, as a URL may have them.
kafka_cluster_id() { head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | tr -d '='; }

kafka_answers() (exec 3<>"/dev/tcp/127.0.0.1/$kafka_port")

# await_kafka LOG: until it answers and has the topic.
await_kafka() {
  local deadline=$((SECONDS + kafka_start_timeout_s))
  until kafka_answers 2>/dev/null; do
    is_running kafka || failed_by_log "Kafka has ended" "$1"
    ((SECONDS < deadline)) || failed_by_log "Kafka does not answer" "$1"
    sleep 0.1
  done
  run_step java -Xmx256m "${kafka_options[@]}" -cp "$kafka_jars/*" \
    org.apache.kafka.tools.TopicCommand --bootstrap-server "127.0.0.1:$kafka_port" --create --if-not-exists \
    --topic "$kafka_topic" --partitions 3 --replication-factor 1 >>"$1" 2>&1 ||
    failed_by_log "making Kafka's topic failed" "$1"
}
