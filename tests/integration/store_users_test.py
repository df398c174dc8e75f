"""What flashsaled may do in its stores: rows in PostgreSQL, its keys in Redis, and no more; that `check` tells when it
may do more; and the scripts that make these users, for scripts/run and for docker-compose.yml.
"""

import contextlib
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile
import unittest

import psycopg2
import redis as redis_py

import harness
from harness import ROOT, SERVE_ROLE
from harness.rabbitmq_server import RabbitmqServer

APPENDED_TO = "admin_log"
READ = "schema_migrations"


class StoreUsersTest(harness.ClusterCase):
    def privileges(self, table):
        names = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
        return {name for name in names
                if self.cluster.postgres.execute(self.cluster.database, "SELECT has_table_privilege(%s, %s, %s)",
                                                 (SERVE_ROLE, table, name))[0][0]}

    def relations(self, kinds):
        return [row[0] for row in self.cluster.postgres.execute(
            self.cluster.database, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                                   " AND relkind = ANY(%s)", (list(kinds),))]

    def test_the_role_reads_and_writes_rows(self):
        tables = self.relations("rp")
        self.assertIn("orders", tables)
        for table in tables:
            wanted = {APPENDED_TO: {"SELECT", "INSERT"}, READ: {"SELECT"}}.get(
                table, {"SELECT", "INSERT", "UPDATE", "DELETE"})
            self.assertEqual(wanted, self.privileges(table), table)
        for view in self.relations("v"):
            self.assertEqual({"SELECT"}, self.privileges(view), view)

    def test_who_serves_may_call_the_functions_and_nobody_else_one_of_the_owners(self):
        """The owner's does what only an owner may."""
        def callers(function):
            return self.cluster.postgres.execute(
                self.cluster.database, "SELECT has_function_privilege(%s, oid, 'EXECUTE'),"
                                       " has_function_privilege('public', oid, 'EXECUTE'), prosecdef"
                                       " FROM pg_proc WHERE proname = %s", (SERVE_ROLE, function))
        self.assertEqual([(True, False, True)], callers("refresh_order_statistics"))
        self.assertEqual([(True, True, False)], callers("number_events"))

    def test_what_the_role_may_not_do_fails(self):
        sale = self.cluster.create_sale()
        for sql in (f"DELETE FROM {APPENDED_TO}", f"UPDATE {APPENDED_TO} SET who = 'nobody'", "TRUNCATE orders",
                    f"DELETE FROM {READ}", "DROP TABLE orders", "CREATE TABLE mine (x integer)", "CREATE ROLE friend",
                    "ALTER TABLE orders DISABLE TRIGGER ALL", "COPY orders TO PROGRAM 'cat'",
                    "SELECT pg_read_file('postgresql.conf')"):
            with self.subTest(sql=sql), contextlib.closing(psycopg2.connect(self.cluster.postgres_url)) as connection:
                with connection.cursor() as cursor, self.assertRaises(psycopg2.errors.InsufficientPrivilege):
                    cursor.execute(sql)
        with contextlib.closing(redis_py.Redis.from_url(self.cluster.redis.server_url)) as client:
            for command in (("CONFIG", "GET", "*"), ("FLUSHALL",), ("KEYS", "*"), ("GET", "other"),
                            ("SET", "other", "1"), ("EVAL", "return 1", "0"), ("SHUTDOWN", "NOSAVE"), ("ACL", "LIST"),
                            ("CLIENT", "LIST"), ("MONITOR",), ("SUBSCRIBE", "x"), ("REPLICAOF", "NO", "ONE")):
                with self.subTest(command=command), self.assertRaises(redis_py.exceptions.NoPermissionError):
                    client.execute_command(*command)
        self.check_status(self.cluster.buy(sale, "visitor"), 201)

    def test_check_tells_what_is_not_needed(self):
        done = self.cluster.flashsaled("check")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertNotIn("not needed", done.stdout)
        self.assertNotIn("may do more in a store", self.cluster.instances[0].process.log_text())
        postgres, redis = self.cluster.postgres, self.cluster.redis
        owner = f"owner_of_{self.cluster.database}"
        postgres.execute("postgres", f"CREATE ROLE {owner} LOGIN CREATEDB PASSWORD '{postgres.password}'")
        try:
            for table in self.relations("rp"):
                postgres.execute(self.cluster.database, f"ALTER TABLE {table} OWNER TO {owner}")
            owner_url = postgres.url(self.cluster.database).replace("//postgres:", f"//{owner}:")
            for settings, words in (
                    ({"postgres.url": postgres.url(self.cluster.database)}, ["postgres: this role is a superuser"]),
                    ({"postgres.url": owner_url}, ["may make databases", "owns tables", "may empty tables",
                                                   "may change the log of changes"]),
                    ({"redis.url": redis.url}, ["may change the server's settings", "do not begin with fs:"])):
                with self.subTest(words=words):
                    done = self.cluster.flashsaled("check", settings=settings)
                    self.assertEqual(0, done.returncode, done.stdout + done.stderr)
                    told = [line for line in done.stdout.splitlines() if line.startswith("not needed")]
                    self.assertEqual(len(words), len(told), done.stdout)
                    for word, line in zip(words, told):
                        self.assertIn(word, line)
        finally:
            for table in self.relations("rp"):
                postgres.execute(self.cluster.database, f"ALTER TABLE {table} OWNER TO postgres")
            postgres.execute("postgres", f"DROP ROLE {owner}")

    def test_a_role_that_has_more_is_cut_back(self):
        database = self.cluster.database
        self.cluster.postgres.execute(database, f"GRANT UPDATE, DELETE ON {APPENDED_TO} TO {SERVE_ROLE}")
        self.cluster.postgres.execute(database, f"REVOKE INSERT ON orders FROM {SERVE_ROLE}")
        done = harness.migrate(self.cluster.postgres.url(database))
        self.assertIn(f"the role {SERVE_ROLE} may serve", done.stdout)
        self.assertEqual({"SELECT", "INSERT"}, self.privileges(APPENDED_TO))
        self.assertEqual({"SELECT", "INSERT", "UPDATE", "DELETE"}, self.privileges("orders"))
        done = harness.run_flashsaled(["migrate"], {"postgres.url": self.cluster.postgres.url(database),
                                                    "postgres.serve_role": "nobody_at_all"})
        self.assertEqual(1, done.returncode)
        self.assertIn("nobody_at_all", done.stderr)


class ScriptsTest(unittest.TestCase):
    """What docker-compose.yml starts the stores with, from a clone that was made with umask 077."""

    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(tempfile.mkdtemp(dir=harness.run_directory()))
        folder.chmod(0o755)  # PostgreSQL may run as another user
        cls.clone = folder / "clone"
        for name in ("scripts", "config"):
            shutil.copytree(ROOT / name, cls.clone / name, ignore=shutil.ignore_patterns("__pycache__"))
        for path in [cls.clone, *cls.clone.rglob("*")]:
            path.chmod(path.stat().st_mode & 0o700)
        cls.secrets, cls.settings = folder / "secrets", folder / "settings"
        cls.settings.mkdir()
        for _ in range(2):  # as `docker compose up` does each time
            cls.prepare(check=True)

    @classmethod
    def prepare(cls, check=False):
        return subprocess.run(["scripts/prepare_volumes", cls.secrets, cls.settings], cwd=cls.clone, check=check,
                              umask=0o077, stderr=None if check else subprocess.DEVNULL).returncode

    def settings_files(self):
        return [path for path in self.settings.rglob("*") if path.is_file()]

    def test_the_stores_can_read_their_settings_and_not_the_secrets(self):
        self.assertEqual({"redis.conf", "redis_users.acl", "postgresql.conf", "postgresql_roles.sql", "make_database",
                          "rabbitmq.conf", "rabbitmq_definitions.json", "prometheus", "grafana"},
                         {path.name for path in self.settings.iterdir()})
        for path in self.settings.rglob("*"):
            if path.is_dir():
                self.assertEqual(0o755, stat.S_IMODE(path.stat().st_mode), path)
                continue
            self.assertEqual(0o755 if path.name == "make_database" else 0o644, stat.S_IMODE(path.stat().st_mode), path)
        for path in self.secrets.iterdir():
            self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode), path)
            text = path.read_text(encoding="utf-8").strip()
            for other in self.settings_files():
                self.assertNotIn(text, other.read_text(encoding="utf-8"), f"{path.name} in {other.name}")

    def test_what_is_deleted_does_not_stay(self):
        gone = [self.settings / "grafana" / "dashboards" / "old.json", self.settings / "prometheus" / "old.rules.yml"]
        for path in gone:
            path.write_text("{}", encoding="utf-8")
        before = {path: path.read_bytes() for path in self.settings_files() if "rabbitmq" not in path.name}
        self.prepare(check=True)
        self.assertEqual(set(before) - set(gone),
                         {path for path in self.settings_files() if "rabbitmq" not in path.name})

    def test_a_file_that_cannot_be_made_is_told(self):
        """And what was there stays."""
        for name, made in (("render_redis_users", "redis_users.acl"),
                           ("render_rabbitmq_definitions", "rabbitmq_definitions.json")):
            program = self.clone / "scripts" / name
            whole, before = program.read_bytes(), (self.settings / made).read_bytes()
            program.write_text("#!/bin/sh\necho half\nexit 1\n", encoding="utf-8")
            try:
                self.assertNotEqual(0, self.prepare(), name)
            finally:
                program.write_bytes(whole)
            self.assertEqual(before, (self.settings / made).read_bytes())
            self.prepare(check=True)

    def test_nothing_is_made_of_a_password_that_is_not_there(self):
        nothing = self.settings.parent / "nothing"
        nothing.mkdir()
        for name, source in (("render_redis_users", "redis_users.acl"),
                             ("render_rabbitmq_definitions", "rabbitmq_definitions.json")):
            with open(self.clone / "config" / source, "rb") as text:
                done = subprocess.run([self.clone / "scripts" / name, nothing], stdin=text, capture_output=True,
                                      check=False)
            self.assertNotEqual(0, done.returncode, name)
            self.assertEqual(b"", done.stdout)

    def test_rabbitmq_starts_with_them(self):
        """And the URL that the instances are given leads to it, with as much as they need."""
        with open(self.settings / "rabbitmq.conf", encoding="utf-8") as settings:
            text = settings.read().replace("/etc/flashsale", str(self.settings))
        password = (self.secrets / "rabbitmq_password").read_text(encoding="utf-8").strip()
        broker = RabbitmqServer(self.settings.parent / "rabbitmq", text, password)
        self.addCleanup(broker.stop)
        url = (self.secrets / "rabbitmq_url").read_text(encoding="utf-8").strip()
        self.assertEqual(f"amqp://flashsale:{password}@rabbitmq/", url)
        self.assertNotIn("guest", broker.control("list_users"))
        with contextlib.closing(broker.connect()) as connection:
            channel = connection.channel()
            channel.exchange_declare("flashsale", "topic", durable=True)
            channel.confirm_delivery()
            channel.basic_publish("flashsale", "flashsale.order.confirmed", b"{}", mandatory=True)
            self.assertEqual(b"{}", channel.basic_get("flashsale.events", auto_ack=True)[2])

    def test_redis_starts_with_them(self):
        port = harness.free_port()
        data = self.settings.parent / "redis-data"
        data.mkdir()
        process = harness.Process("redis", ["redis-server", self.settings / "redis.conf", "--aclfile",
                                            self.settings / "redis_users.acl", "--port", port, "--dir", data],
                                  data / "log")
        try:
            url = (self.secrets / "redis_url").read_text(encoding="utf-8").strip()
            client = redis_py.Redis.from_url(url.replace("@redis:6379", f"@127.0.0.1:{port}"))

            def answers():
                with contextlib.suppress(redis_py.exceptions.ConnectionError):
                    return client.set("fs:x", "1")
                return False
            harness.wait_until(answers, 10, "redis does not start")
            self.assertGreater(int(client.info("memory")["maxmemory"]), 0)
            done = subprocess.run(["redis-cli", "-p", str(port), "--user", "health", "--pass", "-", "--no-auth-warning",
                                   "ping"], capture_output=True, text=True, check=False)
            self.assertEqual("PONG", done.stdout.strip(), done.stderr)
            with contextlib.closing(redis_py.Redis(port=port)) as stranger:
                self.assertRaises(redis_py.exceptions.AuthenticationError, stranger.ping)
            client.close()
        finally:
            process.end()

    def make_database(self, server, password):
        return subprocess.run([self.settings / "make_database", self.secrets, self.settings / "postgresql_roles.sql"],
                              env={"PATH": os.environ["PATH"], "PGHOST": "127.0.0.1", "PGPORT": str(server.port),
                                   "PGPASSWORD": password}, capture_output=True, text=True, check=False)

    def test_the_roles_are_made_and_serve(self):
        server = harness.PostgresServer(self.settings.parent / "postgres")
        self.addCleanup(server.stop)
        server.execute("postgres", f"DROP ROLE {SERVE_ROLE}")
        for _ in range(2):
            done = self.make_database(server, server.password)
            self.assertEqual((0, ""), (done.returncode, done.stderr), done.stdout)

        def url(name):
            text = (self.secrets / name).read_text(encoding="utf-8").strip()
            return text.replace("@postgres/", f"@127.0.0.1:{server.port}/")
        harness.migrate(url("postgres_owner_url"))
        with contextlib.closing(psycopg2.connect(url("postgres_url"))) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT current_user, count(*) FROM orders")
            self.assertEqual((SERVE_ROLE, 0), cursor.fetchone())
        log = server.process.log_text()
        for name in ("postgres_password", "postgres_serve_password"):
            self.assertNotIn((self.secrets / name).read_text(encoding="utf-8").strip(), log)
        # Another password than the one of the first start.
        done = self.make_database(server, "changed since")
        self.assertEqual(1, done.returncode)
        self.assertIn("PostgreSQL refuses the superuser's password", done.stderr)
        self.assertIn("first start", done.stderr)


if __name__ == "__main__":
    unittest.main()
