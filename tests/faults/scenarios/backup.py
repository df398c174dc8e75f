"""A store is put back to an older state, file by file.

PostgreSQL put back loses orders by definition, so flashsale-load cannot judge that: tests/faults/backup_test.py does.
Here it is put back once the load has been judged, and a few buyers of its own look at it.
"""

import shutil
import time

import harness
from scenario import Scenario, stopped


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


def restart_postgres(stage, chance):
    stage.postgres.stop()
    time.sleep(chance.uniform(0, 0.5))
    stage.postgres.start()


def wal_position(stage):
    return stage.query("SELECT pg_current_wal_flush_lsn() - '0/0'")[0][0]


def sold(stage, sale, customer, key, status):
    """Asks until the answer is no 503."""
    def answered():
        response = stage.buy(sale, customer, key)
        return response if response.status != 503 else None
    response = harness.wait_until(answered, 15, f"{sale} stays unavailable", 0.05)
    assert response.status == status, response
    return response.json()


def postgres_put_back(stage, _record):
    """It writes more WAL than was lost before any instance looks at it."""
    server = stage.postgres
    data, backup = server.directory / "data", server.directory / "backup"
    sale = stage.create_sale(stock=100, limit=2)
    buyers = [stage.new_customer() for _ in range(8)]
    kept = {buyer: sold(stage, sale, buyer, "kept", 201)["id"] for buyer in buyers[:4]}
    server.stop()
    shutil.rmtree(backup, ignore_errors=True)
    shutil.copytree(data, backup, symlinks=True)
    server.start()
    lost = {buyer: sold(stage, sale, buyer, "lost", 201)["id"] for buyer in buyers}
    time.sleep(0.5)
    position = wal_position(stage)
    with stopped(*(instance.process.pid for instance in stage.instances)):
        server.stop()
        shutil.rmtree(data)
        backup.rename(data)
        server.adopt_files()
        server.start()
        while wal_position(stage) <= position:
            stage.query("SELECT pg_logical_emit_message(true, '', 'on'), pg_switch_wal()")
    for buyer, order_id in lost.items():
        harness.wait_until(lambda b=buyer, o=order_id: stage.order(o, b).status == 404, 15,
                           "a lost order is not unknown")
    for buyer, order_id in kept.items():
        assert sold(stage, sale, buyer, "kept", 200)["id"] == order_id
    for buyer, order_id in lost.items():
        assert sold(stage, sale, buyer, "lost", 201)["id"] == order_id
    item = stage.wait_consistent(sale)["items"][0]
    assert (item["sold"], item["remaining"]) == (12, 88), item


SCENARIOS = [
    Scenario("backup/older-redis", "SIGKILL, the AOF of 0.5 to 2 s before put back", older_redis,
             load_s=8, redis_may_be_lost=True),
    Scenario("backup/older-redis-rdb", "SIGKILL, an RDB file of 0.2 to 1.5 s before instead of the AOF",
             older_redis_rdb, load_s=9, redis_may_be_lost=True),
    Scenario("backup/older-postgres", "PostgreSQL is restarted; when all is sold its files of some orders before are "
             "put back, and it writes more WAL than was lost", restart_postgres, check_after=postgres_put_back),
]
