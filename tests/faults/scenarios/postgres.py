"""PostgreSQL is restarted, killed, frozen, full, locked, failed over."""

import contextlib
import os
import signal
import time

import harness
import psycopg2
from scenario import Scenario, stopped
from small_disk import SmallDisk, enter_mount_namespace
from standby import ReplicatedCluster

# --- the server goes away ---


def restart(stage, chance):
    stage.postgres.process.end(signal.SIGINT)
    time.sleep(chance.uniform(0, 0.5))
    stage.postgres.start()


def crash(stage, chance):
    stage.postgres.crash()
    time.sleep(chance.uniform(0, 0.5))
    stage.postgres.start()


def kill_postmaster(stage, chance):
    """Backends that are busy go on without it; they hold the shared memory, so a new one has to wait for them."""
    server = stage.postgres
    orphans = harness.process_tree(server.process.pid)[1:]
    server.process.kill()
    harness.wait_until(lambda: not any(is_running(pid) for pid in orphans), 10, "backends outlive their postmaster")
    time.sleep(chance.uniform(0, 0.5))
    server.start()


def is_running(pid):
    """Zombies are not: whose child an orphan became may be slow to fetch it."""
    return harness.process_state(pid) not in (None, "Z")


def kill_backend(whose):
    """One of the sessions with such names. The postmaster then ends all others and recovers from the WAL."""
    def act(stage, chance):
        for _ in range(2):
            victims = harness.wait_until(
                lambda: stage.query("SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
                                    "AND application_name LIKE %s ORDER BY pid", (whose,)), 10, f"nobody is {whose}")
            os.kill(chance.choice(victims)[0], signal.SIGKILL)
            time.sleep(chance.uniform(0.3, 0.8))
            wait_answers(stage)
    return act


def terminate_sessions(stage, chance):
    for _ in range(8):
        wait_answers(stage)
        stage.cut_sessions()
        time.sleep(chance.uniform(0.02, 0.3))


def freeze(stage, chance):
    with stopped(*harness.process_tree(stage.postgres.process.pid)):
        time.sleep(chance.uniform(1, 4))


def wait_answers(stage):
    def answers():
        with contextlib.suppress(psycopg2.Error):
            return stage.query("SELECT 1")
        return False
    harness.wait_until(answers, 10, "PostgreSQL does not answer")


# --- connections ---


def take_all_connections(stage, chance):
    """The instances are held still while their sessions are cut and all slots taken, or they would be faster."""
    with contextlib.ExitStack() as held:
        def take():
            held.enter_context(contextlib.closing(stage.postgres.connect("postgres")))
        take()
        with stopped(*(instance.process.pid for instance in stage.instances)):
            stage.cut_sessions()
            with contextlib.suppress(psycopg2.OperationalError):
                while True:
                    take()
        time.sleep(chance.uniform(1, 2.5))


# --- room ---


class SmallDiskCluster(harness.Cluster):
    """PostgreSQL's subdirectory `part` on a disk of its own."""

    def __init__(self, scenario, part):
        enter_mount_namespace()
        self.disk = None
        super().__init__(scenario.instances, scenario.stage_settings, own_postgres=True,
                         postgres_settings={"min_wal_size": "32MB", "max_wal_size": "64MB"})
        self.postgres.stop()
        try:
            self.disk = SmallDisk(self.postgres.directory / "data" / part, 256)
            self.postgres.start()
            for instance in self.instances:
                instance.wait_ready()
        except BaseException:
            self.stop(check=False)
            raise

    def stop(self, check=True):
        super().stop(check)
        if self.disk is not None:
            self.disk.unmount()


@contextlib.contextmanager
def no_space_left(server):
    """Makes sure that PostgreSQL notices it."""
    def complaints():
        return server.process.log_text().count("No space left on device")
    before = complaints()
    yield
    harness.wait_until(lambda: complaints() > before, 5, "PostgreSQL has found room")


def fill_tables(stage, chance):
    """PostgreSQL goes on, and refuses each row that needs a new page (53100)."""
    with no_space_left(stage.postgres):
        stage.disk.fill()
        with contextlib.suppress(psycopg2.errors.DiskFull):
            stage.query("CREATE TABLE filler AS SELECT generate_series(1, 100000)")
        time.sleep(chance.uniform(1.5, 2.5))
    stage.disk.free()


def fill_wal(stage, chance):
    """Without a next WAL segment PostgreSQL panics, and it cannot recover until there is room again."""
    server = stage.postgres
    with no_space_left(server):
        stage.disk.fill()
        with contextlib.suppress(psycopg2.Error), contextlib.closing(server.connect("postgres")) as connection:
            with connection.cursor() as cursor:
                for _ in range(50):  # use up those that are there already
                    cursor.execute("SELECT pg_logical_emit_message(true, '', 'full'), pg_switch_wal()")
    time.sleep(chance.uniform(0.5, 1.5))
    stage.disk.free()
    server.process.end(signal.SIGQUIT)
    server.start()


# --- transactions ---


@contextlib.contextmanager
def trigger(stage, definition, body):
    """A trigger of the test's own on orders or items, for the time of the block."""
    stage.query(f"CREATE FUNCTION trip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$")
    stage.query(f"CREATE {definition} EXECUTE FUNCTION trip()")
    try:
        yield
    finally:
        stage.query("DROP FUNCTION trip() CASCADE")


def raised(sqlstate, share):
    return f"IF random() < {share} THEN RAISE EXCEPTION 'tripped' USING ERRCODE = '{sqlstate}'; END IF;"


def fail_statements(sqlstate):
    def act(stage, chance):
        with trigger(stage, "TRIGGER trip BEFORE INSERT ON orders", raised(sqlstate, chance.uniform(0.3, 0.7))):
            time.sleep(1)
        with trigger(stage, "TRIGGER trip AFTER UPDATE ON items", raised(sqlstate, chance.uniform(0.3, 0.7))):
            time.sleep(1)
    return act


def fail_commits(stage, chance):
    with trigger(stage, "CONSTRAINT TRIGGER trip AFTER UPDATE ON items DEFERRABLE INITIALLY DEFERRED FOR EACH ROW",
                 raised("40001", chance.uniform(0.3, 0.7))):
        time.sleep(2)


@contextlib.contextmanager
def foreign_session(stage):
    """Somebody else's cursor; what is not committed in the block is taken back after it."""
    with contextlib.closing(stage.postgres.connect(stage.database)) as connection, connection.cursor() as cursor:
        connection.autocommit = False
        yield cursor


def deadlock(stage, chance):
    """Locks the sale's items against their order. Patient, so that it is flashsaled whom PostgreSQL refuses."""
    items = items_of_load(stage)
    before = deadlocks(stage)
    began = time.monotonic()
    with foreign_session(stage) as cursor:
        cursor.execute("SET deadlock_timeout = '10s'")
        cursor.connection.commit()
        while time.monotonic() < began + 2.5 or deadlocks(stage) == before:
            if time.monotonic() > began + 10:
                raise harness.HarnessError("there was no deadlock")
            with contextlib.suppress(psycopg2.errors.DeadlockDetected):
                for item in reversed(items):
                    cursor.execute(f"SELECT FROM items WHERE sale_no = {SALE_OF_LOAD} AND item_no = %s FOR UPDATE",
                                   (item,))
                    time.sleep(chance.uniform(0, 0.03))
            cursor.connection.rollback()


def deadlocks(stage):
    return stage.postgres.process.log_text().count("deadlock detected")


# flashsale-load makes its sale after any other of the round.
SALE_OF_LOAD = "(SELECT sale_no FROM sales ORDER BY created_at DESC LIMIT 1)"


def items_of_load(stage):
    return [number for number, in stage.query(f"SELECT item_no FROM items WHERE sale_no = {SALE_OF_LOAD} "
                                              "ORDER BY item_no")]


def lock_items(stage, cursor):
    """In the order in which flashsaled locks them."""
    cursor.execute(f"SELECT FROM items WHERE sale_no = {SALE_OF_LOAD} ORDER BY item_no FOR UPDATE")


def lock_row(stage, chance):
    with foreign_session(stage) as cursor:
        lock_items(stage, cursor)
        time.sleep(chance.uniform(2, 3))


def lock_orders(stage, chance):
    with foreign_session(stage) as cursor:
        cursor.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        time.sleep(chance.uniform(1.5, 2.2))


def stall_with_row(stage, chance):
    """A client that changes the hot row and says no more, until PostgreSQL ends it."""
    with foreign_session(stage) as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = %s", (chance.randrange(1500, 2800),))
        cursor.connection.commit()
        pid = cursor.connection.info.backend_pid
        cursor.execute(f"UPDATE items SET name = name WHERE sale_no = {SALE_OF_LOAD} AND item_no = %s",
                       (items_of_load(stage)[0],))
        harness.wait_until(lambda: not stage.query("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,)), 5,
                           "the stalled session lives on")


# --- a synchronous standby ---


def fail_over(stage, chance):
    """The primary is lost for good, at once and whole; the standby takes its place, and gets a standby of its own."""
    stage.postgres.lose_primary()
    time.sleep(chance.uniform(0, 1))
    stage.postgres.promote()
    time.sleep(chance.uniform(0, 1))
    stage.postgres.add_standby()


def fail_over_after_doubt(stage, chance):
    """COMMITs that wait for the standby are broken off: PostgreSQL then shows their rows though no standby has them.
    Then the primary is lost, and these rows with it: nobody may have been told of them."""
    stage.postgres.standby.crash()
    time.sleep(chance.uniform(0.2, 0.5))
    for _ in range(2):
        stage.cut_sessions()
        time.sleep(chance.uniform(0.3, 0.6))
    stage.postgres.lose_primary()
    stage.postgres.standby.start()
    stage.postgres.promote()
    stage.postgres.add_standby()


def fail_over_after_cancelled_waits(stage, chance):
    """The same where each wait is told to end as soon as it begins: COMMIT is answered as one that succeeded, with a
    warning. A client that believes it tells buyers of what the standby has not got."""
    stage.postgres.standby.crash()
    broken = 0
    until = time.monotonic() + chance.uniform(1, 2)
    while time.monotonic() < until:
        how = "pg_cancel_backend" if chance.random() < 0.9 else "pg_terminate_backend"
        broken += len(stage.query(f"SELECT {how}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"))
        time.sleep(chance.uniform(0, 0.05))
    if broken == 0:
        raise harness.HarnessError("no COMMIT waited for the standby")
    stage.postgres.lose_primary()
    stage.postgres.standby.start()
    stage.postgres.promote()
    stage.postgres.add_standby()


def freeze_standby(shortest_s, longest_s):
    """Until it answers again no COMMIT of the primary ends."""
    def act(stage, chance):
        with stopped(*harness.process_tree(stage.postgres.standby.process.pid)):
            time.sleep(chance.uniform(shortest_s, longest_s))
    return act


def restart_standby(stage, chance):
    standby = stage.postgres.standby
    standby.crash()
    time.sleep(chance.uniform(1.5, 2.5))
    standby.start()


SCENARIOS = [
    Scenario("postgres/restart", "fast shutdown (SIGINT), started again", restart),
    Scenario("postgres/crash", "immediate shutdown (SIGQUIT to the postmaster), started again", crash),
    Scenario("postgres/postmaster-killed", "SIGKILL of the postmaster alone, started again when its orphans are gone",
             kill_postmaster),
    Scenario("postgres/backend-killed", "SIGKILL of a backend that writes orders, twice: crash recovery",
             kill_backend("journal%"), load_s=7),
    Scenario("postgres/sessions-terminated", "pg_terminate_backend of all sessions, eight times", terminate_sessions),
    Scenario("postgres/frozen", "SIGSTOP of all its processes for 1 to 4 s", freeze, load_s=8),
    Scenario("postgres/no-connections", "all slots of max_connections held for 1 to 2.5 s, the instances' sessions cut",
             take_all_connections, load_s=8,
             postgres_settings={"max_connections": 40, "superuser_reserved_connections": 0}),
    Scenario("postgres/disk-full-tables", "tables on a tmpfs that is full for 2 s", fill_tables,
             stage=lambda scenario: SmallDiskCluster(scenario, "base")),
    Scenario("postgres/disk-full-wal", "pg_wal on a tmpfs that is full: PANIC; room again, restart", fill_wal, load_s=7,
             stage=lambda scenario: SmallDiskCluster(scenario, "pg_wal")),
    Scenario("postgres/serialization-failures", "a trigger raises 40001 in 3 to 7 of 10 statements, 2 s",
             fail_statements("40001")),
    Scenario("postgres/deadlock-errors", "a trigger raises 40P01 in 3 to 7 of 10 statements, 2 s",
             fail_statements("40P01")),
    Scenario("postgres/commit-failures", "a deferred trigger raises 40001 at 3 to 7 of 10 COMMITs, 2 s", fail_commits),
    Scenario("postgres/deadlocks", "a session locks the sale's items the other way round, 2.5 s", deadlock,
             postgres_settings={"deadlock_timeout": "50ms"}, load_options={"items": 4}),
    Scenario("postgres/row-locked", "a session holds the item's row for 2 to 3 s", lock_row, load_s=7),
    Scenario("postgres/table-locked", "a session holds ACCESS EXCLUSIVE on orders for 2 s", lock_orders),
    Scenario("postgres/stalled-client", "a session changes the item's row and stalls until PostgreSQL ends it, 1.5 to "
             "2.8 s", stall_with_row, load_s=7),
    Scenario("postgres/failover", "the primary is killed, its synchronous standby promoted", fail_over, load_s=9,
             stage=ReplicatedCluster),
    Scenario("postgres/failover-in-doubt", "the standby crashes, sessions whose COMMITs wait for it are terminated, "
             "then the primary is killed and the standby promoted", fail_over_after_doubt, load_s=9,
             stage=ReplicatedCluster),
    Scenario("postgres/failover-cancelled", "the standby crashes, waits for it are cancelled or terminated one by one "
             "for 1 to 2 s, then the primary is killed and the standby promoted", fail_over_after_cancelled_waits,
             load_s=9, stage=ReplicatedCluster),
    Scenario("postgres/standby-frozen", "SIGSTOP of the synchronous standby for 2 to 3 s: no COMMIT ends",
             freeze_standby(2, 3), load_s=7, stage=ReplicatedCluster),
    Scenario("postgres/standby-frozen-long", "the same for 8 to 9 s: the instances cut their connections",
             freeze_standby(8, 9), load_s=13, stage=ReplicatedCluster, is_slow=True),
    Scenario("postgres/standby-crashed", "the synchronous standby crashes and is away for 2 s", restart_standby,
             load_s=8, stage=ReplicatedCluster),
]
