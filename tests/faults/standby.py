"""A primary of PostgreSQL and its synchronous standby, which trade places: who connects names both."""

import contextlib
import os
import shutil
import signal
import subprocess

import psycopg2

import harness


class Standby(harness.PostgresServer):
    """A copy of a running primary, which follows it."""

    def __init__(self, directory, primary, port):
        self._primary = primary
        super().__init__(directory, port=port)

    def _fill(self, pristine):
        done = subprocess.run(
            [harness.postgres_bin("pg_basebackup"), "--pgdata", str(self.directory / "data"), "--write-recovery-conf",
             "--checkpoint=fast", "--no-sync", "--dbname", self._primary.url("postgres")],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise harness.HarnessError(f"pg_basebackup: {done.stderr}")


class ReplicatedPostgres:
    """Stands where a PostgresServer stands: what it is asked, it asks whichever server is primary now."""

    def __init__(self, directory):
        self._directory = directory
        self._ports = [harness.free_port(), harness.free_port()]
        self._number = 1
        self.primary = harness.PostgresServer(directory / "1", port=self._ports[0])
        self.standby = None
        self.add_standby()

    def add_standby(self):
        """On the port that is free; COMMITs wait for it from now on."""
        self._number += 1
        port = next(port for port in self._ports if port != self.primary.port)
        self.standby = Standby(self._directory / str(self._number), self.primary, port)
        self._set_synchronous("*")
        harness.wait_until(self.is_synchronous, 10, "the standby does not follow")

    def is_synchronous(self):
        return bool(self.primary.execute("postgres", "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"))

    def _set_synchronous(self, names):
        self.primary.execute("postgres", f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        self.primary.execute("postgres", "SELECT pg_reload_conf()")

    def lose_primary(self):
        """All its processes at once, as when its machine loses power. It never comes back."""
        for pid in harness.process_tree(self.primary.process.pid):
            with contextlib.suppress(ProcessLookupError):  # a session that was just ending
                os.kill(pid, signal.SIGKILL)
        self.primary.process.kill()

    def promote(self):
        lost, self.primary, self.standby = self.primary, self.standby, None
        if self.primary.execute("postgres", "SELECT pg_promote()") != [(True,)]:
            raise harness.HarnessError("the standby does not become primary")
        self._set_synchronous("")
        shutil.rmtree(lost.directory)

    @property
    def process(self):
        return self.primary.process

    def url(self, database):
        hosts = ",".join(f"127.0.0.1:{port}" for port in self._ports)
        return f"postgresql://postgres:{self.primary.password}@{hosts}/{database}?target_session_attrs=read-write"

    def serve_url(self, database):
        return self.url(database).replace("//postgres:", f"//{harness.SERVE_ROLE}:", 1)

    def execute(self, database, sql, parameters=None):
        return self.primary.execute(database, sql, parameters)

    def connect(self, database):
        return self.primary.connect(database)

    def stop(self):
        with contextlib.suppress(psycopg2.OperationalError):  # lost, by a round that did not come to its end
            self._set_synchronous("")
        self.primary.stop()
        if self.standby is not None:
            self.standby.stop()


class ReplicatedCluster(harness.Cluster):
    def __init__(self, scenario):
        super().__init__(scenario.instances, scenario.stage_settings, own_postgres=True)

    def _make_postgres(self):
        return ReplicatedPostgres(self.directory / "postgres")
