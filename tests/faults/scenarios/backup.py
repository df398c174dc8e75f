"""A store is put back to an older state, file by file.

PostgreSQL put back loses orders by definition, so flashsale-load cannot judge that: tests/faults/backup_test.py does.
"""

import shutil
import time

from scenario import Scenario, harness


def copy_redis(server, to):
    """A copy of the AOF as it lies there, as documented for backups: no rewrite may be under way meanwhile."""
    server.client.config_set("auto-aof-rewrite-percentage", 0)
    server.wait_rewritten()
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(server.directory / "appendonlydir", to)


def put_redis_back(server, backup):
    server.kill()
    shutil.rmtree(server.directory / "appendonlydir")
    shutil.copytree(backup, server.directory / "appendonlydir")
    server.start()


def older_redis(stage, chance):
    """What was sold since is in PostgreSQL alone, and the pending log is an old one."""
    backup = stage.directory / "redis-backup"
    copy_redis(stage.redis, backup)
    time.sleep(chance.uniform(0.5, 2))
    put_redis_back(stage.redis, backup)


def older_redis_rdb(stage, chance):
    """The same with an RDB file, which takes the place of the AOF's base."""
    client = stage.redis.client
    saved_at = client.lastsave()
    time.sleep(1.01)  # LASTSAVE counts in seconds
    client.bgsave()
    harness.wait_until(lambda: client.lastsave() != saved_at, 10, "no RDB")
    time.sleep(chance.uniform(0.2, 1.5))
    stage.redis.kill()
    files = stage.redis.directory / "appendonlydir"
    for path in files.iterdir():
        path.unlink()
    (stage.redis.directory / "dump.rdb").rename(files / "appendonly.aof.1.base.rdb")
    (files / "appendonly.aof.manifest").write_text("file appendonly.aof.1.base.rdb seq 1 type b\n", encoding="ascii")
    stage.redis.start()


SCENARIOS = [
    Scenario("backup/older-redis", "SIGKILL, the AOF of 0.5 to 2 s before put back", older_redis,
             load_s=8, redis_may_be_lost=True),
    Scenario("backup/older-redis-rdb", "SIGKILL, an RDB file of 0.2 to 1.5 s before instead of the AOF",
             older_redis_rdb, load_s=9, redis_may_be_lost=True),
]
