"""Redis is lost, wiped, frozen, full, busy, read-only."""

import contextlib
import threading
import time

import redis as redis_py

import harness
import sentinel
from scenario import Scenario


def aof_parts(server):
    """The incremental AOF files, oldest first."""
    return sorted((server.directory / "appendonlydir").glob("*.incr.aof"),
                  key=lambda path: int(path.name.split(".")[-3]))


# --- what it held is gone, or a part of it ---


def flush(stage, chance):
    stage.redis.client.flushall()


def flush_repeatedly(stage, chance):
    """Later ones meet the rebuild after the first."""
    for _ in range(5):
        stage.redis.client.flushall()
        time.sleep(chance.uniform(0.02, 0.5))


def kill(stage, chance):
    stage.redis.kill()
    time.sleep(chance.uniform(0, 0.5))
    stage.redis.start()


def cut_the_log_short(stage, chance):
    stage.redis.kill()
    path = aof_parts(stage.redis)[-1]
    size = path.stat().st_size
    with open(path, "r+b") as aof:
        aof.truncate(size - chance.randint(1, min(size, 60_000)))
    stage.redis.start()


def lose_the_log(stage, chance):
    stage.redis.kill()
    for path in sorted(stage.redis.directory.rglob("appendonly*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    stage.redis.start()


# --- it does not answer, or not as it should ---


def freeze(stage, chance):
    stage.redis.pause()
    time.sleep(chance.uniform(0.3, 2.5))
    stage.redis.resume()


def pause_writes(stage, chance):
    """Scripts wait in Redis and run afterwards, some of them past their deadline."""
    pause_s = chance.uniform(0.3, 2)
    stage.redis.client.execute_command("CLIENT", "PAUSE", int(pause_s * 1000), "WRITE")
    time.sleep(pause_s)


def fill(stage, chance):
    client = stage.redis.client
    client.config_set("maxmemory", client.info("memory")["used_memory"] - 1_000_000)
    time.sleep(chance.uniform(0.5, 2))
    client.config_set("maxmemory", 0)


def fill_and_flush(stage, chance):
    """Full while it is rebuilt."""
    client = stage.redis.client
    client.config_set("maxmemory", 1_000_000)
    client.flushall()
    time.sleep(chance.uniform(0.5, 1.5))
    client.config_set("maxmemory", 0)


def make_replica(stage, chance):
    """Of a master that is not there. When it is its own master again it has another replication id."""
    client = stage.redis.client
    client.replicaof("127.0.0.1", harness.free_port())
    time.sleep(chance.uniform(0.05, 2))
    client.replicaof("NO", "ONE")


def want_replicas(stage, chance):
    client = stage.redis.client
    client.config_set("min-replicas-to-write", 1)
    time.sleep(chance.uniform(0.3, 2))
    client.config_set("min-replicas-to-write", 0)


def keep_busy(stage, chance):
    """Somebody's script does not end: everybody else is answered BUSY."""
    server = stage.redis
    server.client.config_set("busy-reply-threshold", 100)

    def run_for_ever():
        with contextlib.closing(redis_py.Redis.from_url(server.url)) as other:
            with contextlib.suppress(redis_py.exceptions.RedisError):
                other.eval("while true do end", 0)

    thread = threading.Thread(target=run_for_ever)
    thread.start()
    time.sleep(chance.uniform(1.5, 3))
    server.client.script_kill()
    thread.join()


def kill_clients(stage, chance):
    for _ in range(8):
        stage.redis.client.client_kill_filter(_type="normal", skipme=True)
        time.sleep(chance.uniform(0.02, 0.3))


def flush_scripts(stage, chance):
    for _ in range(8):
        stage.redis.client.script_flush()
        time.sleep(chance.uniform(0.02, 0.3))


def load_slowly(stage, chance):
    """Restarted on an AOF that takes seconds to load: it is there, and answers LOADING."""
    server = stage.redis
    with contextlib.closing(redis_py.Redis.from_url(server.url, db=1)) as other:
        if not other.dbsize():
            with other.pipeline(transaction=False) as pipeline:
                for number in range(15_000):
                    pipeline.set(f"filler:{number}", number)
                pipeline.execute()
    server.client.bgrewriteaof()  # what it loads is about the filler alone
    server.wait_rewritten()
    server.extra = ["--key-load-delay", chance.randint(10, 60)]  # us, for each key
    server.restart()


SCENARIOS = [
    Scenario("redis/flushall", "FLUSHALL under live connections", flush, redis_may_be_lost=True),
    Scenario("redis/flushall-repeated", "five FLUSHALLs, 20 to 500 ms apart", flush_repeatedly, load_s=8,
             redis_may_be_lost=True),
    Scenario("redis/killed", "SIGKILL, restart on its AOF (everysec)", kill, redis_may_be_lost=True),
    Scenario("redis/aof-cut-short", "SIGKILL, up to 60 KB off the end of the AOF, restart", cut_the_log_short,
             redis_may_be_lost=True),
    Scenario("redis/aof-lost", "SIGKILL, AOF deleted, restart", lose_the_log, redis_may_be_lost=True),
    Scenario("redis/loading", "SIGKILL, restart that answers LOADING for seconds", load_slowly, load_s=10,
             redis_may_be_lost=True),
    Scenario("redis/frozen", "SIGSTOP for 0.3 to 2.5 s", freeze),
    Scenario("redis/write-pause", "CLIENT PAUSE … WRITE for 0.3 to 2 s", pause_writes),
    Scenario("redis/full", "maxmemory under what is used, noeviction, for 0.5 to 2 s", fill),
    Scenario("redis/full-and-flushall", "FLUSHALL with maxmemory 1 MB, too little to rebuild", fill_and_flush,
             redis_may_be_lost=True),
    Scenario("redis/read-only", "REPLICAOF a dead master for 0.05 to 2 s, REPLICAOF NO ONE", make_replica),
    Scenario("redis/no-replicas", "min-replicas-to-write 1 without replicas for 0.3 to 2 s", want_replicas),
    Scenario("redis/busy", "another client's endless script, SCRIPT KILL after 1.5 to 3 s", keep_busy, load_s=8),
    Scenario("redis/clients-killed", "CLIENT KILL TYPE normal, eight times", kill_clients),
    Scenario("redis/scripts-flushed", "SCRIPT FLUSH, eight times", flush_scripts),
]

SCENARIOS += [
    Scenario("redis/failover", "SIGKILL of a master under three Sentinels; it comes back as a replica",
             sentinel.kill_master, load_s=16, stage=sentinel.Stage, redis_may_be_lost=True, is_slow=True),
    Scenario("redis/split", "failover by Sentinel to a replica that lags, one instance still on the old master",
             sentinel.split, load_s=18, stage=sentinel.Stage, redis_may_be_lost=True, is_slow=True),
    Scenario("redis/failover-and-back", "failover by Sentinel to a replica that lags, and back, one instance held",
             sentinel.fail_over_and_back, load_s=18, stage=sentinel.Stage, redis_may_be_lost=True, is_slow=True),
    Scenario("redis/back-by-hand", "REPLICAOF a server that lags, then NO ONE: same run_id, last writes lost",
             sentinel.back_by_hand, load_s=7, stage=sentinel.Stage, redis_may_be_lost=True),
]
