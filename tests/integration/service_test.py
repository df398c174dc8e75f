"""The process itself: health, starting, refusing to start, stopping, logs, and the API's own description."""

import collections
import contextlib
import http.client
import json
import os
import pathlib
import re
import secrets
import signal
import socket
import socketserver
import subprocess
import threading
import time
import unittest

import harness
import yaml
from harness import ROOT, SLOWNESS, Cluster, ClusterCase, Purchase, RedisServer, check_buyers, free_port


class HealthTest(ClusterCase):
    """Own PostgreSQL, since these tests stop it."""

    own_postgres = True

    def ready(self):
        with contextlib.closing(self.cluster.instances[0].client()) as client:
            return client.get("/readyz")

    def live(self):
        with contextlib.closing(self.cluster.instances[0].client(timeout_s=2)) as client:
            return client.get("/livez")

    def wait_not_ready(self, part):
        def failing():
            response = self.ready()
            return response if response.status == 503 and part in response.body.decode().lower() else None
        response = harness.wait_until(failing, 8, f"/readyz does not name {part}")
        self.assertIsNotNone(response.header("Retry-After"), repr(response))
        self.check_status(self.live(), 200)

    def wait_ready(self):
        harness.wait_until(lambda: self.ready().status == 200, 15, "/readyz does not recover")

    def test_healthy(self):
        self.check_status(self.ready(), 200)
        self.check_status(self.live(), 200)

    def test_redis_is_down_and_comes_back(self):
        sale = self.cluster.create_sale()
        customer = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer, "k"), 201).json()
        self.cluster.redis.kill()
        try:
            self.wait_not_ready("redis")
            began = time.monotonic()
            response = self.cluster.buy(sale, self.cluster.new_customer())
            self.assertEqual(response.status, 503, repr(response))
            self.assertIn(response.problem, ("unavailable", "outcome-unknown"))
            self.assertIsNotNone(response.header("Retry-After"))
            self.assertLess(time.monotonic() - began, 4 * SLOWNESS)
            # The catalog comes from memory and goes on.
            self.check_status(self.cluster.client().get(f"/v1/sales/{sale}"), 200)
            # An order that PostgreSQL has is still to be had.
            self.assertIn(self.cluster.order(order["id"], customer).status, (200, 503))
        finally:
            self.cluster.redis.start()
        self.wait_ready()
        replay = harness.wait_until(lambda: (lambda r: r if r.status == 200 else None)(
            self.cluster.buy(sale, customer, "k")), 10, "the key is not answered after Redis came back")
        self.assertEqual(replay.json()["id"], order["id"])
        self.cluster.wait_consistent(sale)

    def test_postgres_is_down_and_comes_back(self):
        sale = self.cluster.create_sale()
        customer = self.cluster.new_customer()
        self.cluster.postgres.crash()
        try:
            self.wait_not_ready("postgres")
            response = self.cluster.buy(sale, customer, "k", headers={"Prefer": "wait=1"})
            self.assertIn(response.status, (202, 503), repr(response))
        finally:
            self.cluster.postgres.start()
        self.wait_ready()
        if response.status == 202:
            self.assertEqual(self.cluster.wait_final(response.json()["id"], customer)["status"], "confirmed")
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
        self.cluster.wait_consistent(sale)


class StopTest(ClusterCase):
    """SIGTERM in the middle of a crowd."""

    instances = 1

    def test_graceful_under_load(self):
        instance = self.cluster.add_instance({"shutdown.delay_ms": 1500})
        sale = self.cluster.create_sale(stock=100_000)
        stopping = threading.Event()
        purchases, broken = [], []

        def shop():
            client = instance.client()
            while True:
                customer = self.cluster.new_customer()
                try:
                    client.connect()
                except OSError:
                    return  # the listener has closed
                purchase = Purchase(sale, customer, "k", "sneaker-42", 1)
                # A connection that was idle may be closed under a request: no answer has begun, and a client may
                # repeat it. What must not be is an answer that breaks off, or a reset of a connection just opened.
                fresh = client._connection.sock.getsockname()
                purchases.append(purchase)
                try:
                    response = purchase.note(self.cluster.buy(sale, customer, "k", client=client))
                    if response.status not in (201, 202):
                        broken.append(repr(response))
                    if (response.header("Connection") or "").lower() == "close":
                        client.close()
                except (http.client.RemoteDisconnected, ConnectionResetError) as failure:
                    if not stopping.is_set():
                        broken.append(f"{fresh}: {failure!r}")
                except (OSError, http.client.HTTPException) as failure:
                    broken.append(f"{fresh}: {failure!r}")

        threads = [threading.Thread(target=shop) for _ in range(24)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        instance.terminate()
        terminated_at = time.monotonic()

        def draining():
            with contextlib.closing(instance.client()) as client:
                return client.get("/readyz").status == 503
        harness.wait_until(draining, 1, "/readyz does not say that it drains while the listener is still open")
        self.assertTrue(instance.alive)
        with contextlib.closing(instance.client()) as client:
            self.check_status(client.get("/livez"), 200)
            customer = self.cluster.new_customer()
            late = self.cluster.buy(sale, customer, "k", client=client)
            self.check_status(late, 201)
            purchases.append(Purchase(sale, customer, "k", "sneaker-42", 1))
            purchases[-1].note(late)
            self.assertEqual(late.header("Connection"), "close")
        time.sleep(max(0.0, 1.4 - (time.monotonic() - terminated_at)))
        stopping.set()
        for thread in threads:
            thread.join()
        code = instance.process.wait(20)
        self.assertEqual(code, 0)
        self.assertEqual(broken, [])
        self.assertGreater(sum(purchase.promised for purchase in purchases), 50)
        for purchase in purchases:
            if purchase.outcome == "unknown":  # as a careful client: the same key, elsewhere
                purchase.note(self.cluster.buy(sale, purchase.customer, "k"))
        check_buyers(self.cluster, purchases)

    def test_journal_drains_before_the_end(self):
        """202s that were given before SIGTERM are written when the process has ended, with nobody else to do it."""
        cluster = Cluster(1)
        try:
            sale = cluster.create_sale(stock=1000)
            customers = [cluster.new_customer() for _ in range(100)]
            for customer in customers:
                response = cluster.buy(sale, customer, "k", headers={"Prefer": "respond-async"})
                self.check_status(response, 202)
            self.assertEqual(cluster.instances[0].stop(), 0)
            rows = cluster.query("SELECT count(*) FROM order_units WHERE sale_id = %s AND status = 'confirmed'",
                                 (sale,))
            self.assertEqual(rows, [(100,)])
        finally:
            cluster.stop()

    def test_sigint_and_repeated_signals(self):
        for signals in ((signal.SIGINT,), (signal.SIGTERM, signal.SIGTERM), (signal.SIGHUP, signal.SIGTERM)):
            instance = self.cluster.add_instance()
            instance.expected_end = True
            for number in signals[:-1]:
                instance.process.send(number)
            time.sleep(0.02)
            code = instance.process.end(signals[-1])
            self.assertIn(code, (0, -signal.SIGHUP) if signal.SIGHUP in signals else (0,), signals)

    def test_idle_connections_do_not_hold_up_the_end(self):
        instance = self.cluster.add_instance()
        idle = [instance.client().connect() for _ in range(50)]
        began = time.monotonic()
        self.assertEqual(instance.stop(), 0)
        self.assertLess(time.monotonic() - began, 5 * SLOWNESS)
        for client in idle:
            client.close()


class FirstRequestTest(ClusterCase):
    """A balancer sends requests as soon as it can connect."""

    def test_who_is_let_in_is_served(self):
        sale = self.cluster.create_sale(stock=1000)
        instance = self.cluster.instances[0]

        def connects():
            with contextlib.suppress(OSError):
                client.connect()
                return True
            return False
        for _ in range(8):
            self.assertEqual(instance.stop(), 0)
            instance.start(ready=False)
            with contextlib.closing(instance.client()) as client:
                harness.wait_until(connects, 10, "nobody listens", 0.001)
                self.check_status(self.cluster.buy(sale, self.cluster.new_customer(), client=client), 201)
                self.check_status(client.get("/readyz"), 200)


class OldRedis:
    """Answers as a Redis of version 6 does when flashsaled connects: it takes no script with flags."""

    INFO = b"# Server\r\nredis_version:6.2.14\r\nrun_id:a\r\nloading:0\r\nrole:master\r\nmaster_replid:b\r\n"

    def __enter__(self):
        answers = {b"AUTH": b"+OK\r\n", b"INFO": b"$%d\r\n%s\r\n" % (len(self.INFO), self.INFO)}

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                while head := self.rfile.readline():
                    words = []
                    for _ in range(int(head[1:])):
                        size = int(self.rfile.readline()[1:])
                        words.append(self.rfile.read(size + 2)[:-2])
                    self.wfile.write(answers.get(words[0], b"-ERR Error compiling script\r\n"))

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class StartTest(unittest.TestCase):
    """What `serve` refuses to start on, each with one clear line."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(0)
        cls.spoilt_postgres = None

    @classmethod
    def tearDownClass(cls):
        if cls.spoilt_postgres is not None:
            cls.spoilt_postgres.stop()
        cls.cluster.stop()

    def serve(self, changes=None, arguments=(), command="serve", raw=None):
        """Runs until it ends by itself or for some seconds; (exit code or None when it serves, output)."""
        settings = self.cluster.instance_settings() | {"http.port": free_port(), "admin.port": free_port()} | \
            (changes or {})
        environment = harness.clean_environment() | harness.setting_environment(settings) | (raw or {})
        with subprocess.Popen([harness.BINARY, command, *arguments], env=environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              cwd=self.cluster.directory) as child:
            deadline = time.monotonic() + 10 * SLOWNESS
            while child.poll() is None and time.monotonic() < deadline:
                with contextlib.suppress(OSError, http.client.HTTPException):
                    with contextlib.closing(harness.Client(settings["http.port"], timeout_s=1)) as client:
                        if client.get("/readyz").status == 200:
                            child.terminate()
                            child.communicate()
                            return None, ""
                time.sleep(0.02)
            child.kill()
            output = child.communicate()[0]
            return child.returncode, output

    def assert_refused(self, what, changes=None, **how):
        code, output = self.serve(changes, **how)
        self.assertIsNotNone(code, "it serves")
        self.assertGreater(code, 0, output)
        complaints = [line for line in output.splitlines() if re.search(what, line, re.I)]
        self.assertEqual(len(complaints), 1, f"expected one line about {what}: {output}")
        # Redis connected twice, it numbers events, few files on this machine, the admin listener is there.
        self.assertLess(len(output.splitlines()), 7, output)
        for secret in (self.cluster.redis.password, self.cluster.postgres.password, self.cluster.jwt_secret):
            self.assertNotIn(secret, output)
        return output

    def assert_serves(self, changes=None, **how):
        code, output = self.serve(changes, **how)
        self.assertIsNone(code, output)

    def test_it_serves_when_nothing_is_wrong(self):
        self.assert_serves()

    def test_admin_port_that_is_somebody_elses(self):
        """Buyers are let in last: who is ready has an admin listener, and who cannot have one never took a request."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            code, output = self.serve({"admin.port": port})
        self.assertIsNotNone(code, "it serves")
        self.assertGreater(code, 0, output)
        self.assertIn(f"cannot listen on 127.0.0.1:{port}", output)
        self.assertNotIn('"listener":"public"', output)

    def test_schema_that_is_not_migrated(self):
        self.cluster.postgres.execute("postgres", "CREATE DATABASE bare")
        try:
            output = self.assert_refused("migrat", {"postgres.url": self.cluster.postgres.url("bare")})
            self.assertIn("flashsaled migrate", output)
        finally:
            self.cluster.postgres.execute("postgres", "DROP DATABASE bare WITH (FORCE)")

    def test_schema_that_is_newer(self):
        template = self.cluster.database
        self.cluster.postgres.execute("postgres", f"CREATE DATABASE newer TEMPLATE {template}")
        try:
            url = self.cluster.postgres.url("newer")
            columns = [row[0] for row in self.cluster.postgres.execute("newer", "SELECT column_name FROM "
                       "information_schema.columns WHERE table_name = 'schema_migrations' ORDER BY ordinal_position")]
            rest = ", ".join(columns[1:])
            self.cluster.postgres.execute("newer", f"INSERT INTO schema_migrations ({columns[0]}, {rest}) "
                                                   f"SELECT 9999, {rest} FROM schema_migrations LIMIT 1")
            # As during a roll, and after one that was rolled back.
            self.assert_serves({"postgres.url": url})
            self.assertEqual(self.cluster.flashsaled("migrate", settings={"postgres.url": url}).returncode, 0)
            self.cluster.postgres.execute("newer", f"DELETE FROM schema_migrations WHERE {columns[0]} = 1")
            self.assertIn("flashsaled migrate", self.assert_refused("schema", {"postgres.url": url}))
        finally:
            self.cluster.postgres.execute("postgres", "DROP DATABASE newer WITH (FORCE)")

    def test_redis_that_may_evict(self):
        redis = self.cluster.redis.client
        redis.config_set("maxmemory-policy", "allkeys-lru")
        try:
            self.assert_refused("maxmemory-policy")
            self.assert_serves({"redis.allow_eviction": True})
        finally:
            redis.config_set("maxmemory-policy", "noeviction")

    def test_redis_without_aof(self):
        redis = self.cluster.redis.client
        redis.config_set("appendonly", "no")
        try:
            self.assert_refused("appendonly|append-only|AOF")
            self.assert_serves({"redis.allow_no_aof": True})
        finally:
            redis.config_set("appendonly", "yes")

    def test_redis_that_is_a_replica(self):
        main = self.cluster.redis
        replica = RedisServer(self.cluster.directory / "replica", ["--replicaof", f"127.0.0.1 {main.port}",
                                                                   "--masterauth", main.password])
        try:
            harness.wait_until(lambda: replica.client.info("replication")["master_link_status"] == "up", 10, "replica")
            self.assert_refused("replica", {"redis.url": replica.url})
        finally:
            replica.stop()

    def test_redis_with_a_wrong_password(self):
        self.assert_refused("redis", {"redis.url": f"redis://:wrong@127.0.0.1:{self.cluster.redis.port}/0"})

    def test_redis_that_is_too_old(self):
        with OldRedis() as redis:
            settings = {"redis.url": f"redis://:secret@127.0.0.1:{redis.port}/0"}
            self.assertIn("Redis 7.0 or later", self.assert_refused("version 6.2.14", settings))
            done = self.cluster.flashsaled("check", settings=settings)
            self.assertEqual(1, done.returncode, done.stdout + done.stderr)
            self.assertIn("unsafe       redis: is of version 6.2.14; Redis 7.0 or later, or Valkey, is needed\n",
                          done.stdout)

    def spoilt(self):
        """A second PostgreSQL, migrated, whose durability may be spoilt."""
        cls = type(self)
        if cls.spoilt_postgres is None:
            cls.spoilt_postgres = harness.PostgresServer(self.cluster.directory / "spoilt")
            cls.spoilt_postgres.execute("postgres", "CREATE DATABASE flashsale")
            harness.migrate(cls.spoilt_postgres.url("flashsale"))
        return cls.spoilt_postgres

    def test_postgres_with_spoilt_durability(self):
        postgres = self.spoilt()
        changes = {"postgres.url": postgres.url("flashsale")}
        self.assert_serves(changes)
        for name in ("fsync", "synchronous_commit"):
            with self.subTest(name):
                # A setting on the server's command line cannot be changed from inside, so start it with another.
                postgres.stop()
                postgres._settings = {name: "off"}
                postgres.start()
                self.assert_refused(name, changes)
                self.assert_serves(changes | {"postgres.allow_unsafe_durability": True})
        postgres.stop()
        postgres._settings = {}
        postgres.start()

    def test_unknown_settings(self):
        self.assert_refused("FLASHSALE_HTTP_PROT", raw={"FLASHSALE_HTTP_PROT": "8080"})
        self.assert_refused("FLASHSALE_NONSENSE", raw={"FLASHSALE_NONSENSE": "1"})
        self.assert_refused("http.prot", arguments=["--http.prot=8080"])
        config = self.cluster.directory / "bad.toml"
        for text, complaint in (("[http]\nprot = 8080\n", "prot"), ("[htpp]\nport = 8080\n", "htpp"),
                                ("[http]\nport = = 1\n", "bad.toml"), ("[http]\nport = 1\nport = 2\n", "bad.toml")):
            with self.subTest(text):
                config.write_text(text)
                self.assert_refused(complaint, arguments=["--config", str(config)])

    def test_malformed_settings(self):
        table = {"http.port": ("eighty", "70000", "-1", "80.5", ""), "log.level": ("loud",), "auth.mode": ("none",),
                 "rate_limit.enabled": ("yes", "1"), "redis.url": ("http://x", "redis://127.0.0.1:99999"),
                 "jwt.secret": ("short",), "admin.tokens_file": ("/no/such/file",), "http.address": ("here",),
                 "catalog.pulse_ms": ("0", "1e3")}
        for name, values in table.items():
            for value in values:
                with self.subTest(f"{name}={value}"):
                    section, _, key = name.partition(".")
                    self.assert_refused(rf"{section}.?{key}|{name.replace('.', '_')}", {name: value})

    def test_admin_tokens_that_are_malformed(self):
        for text in ("anna\n", "anna:xyz\n", ":" + "a" * 64 + "\n", "anna:" + "a" * 63 + "\n"):
            with self.subTest(text):
                path = self.cluster.directory / "bad-tokens"
                path.write_text(text)
                self.assert_refused("admin.tokens|bad-tokens", {"admin.tokens_file": path})

    def test_port_that_is_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.assert_refused(rf"\b{port}\b|address.+in use", {"http.port": port})

    def test_precedence_file_environment_flag(self):
        config = self.cluster.directory / "good.toml"
        wrong, right = free_port(), free_port()
        config.write_text(f"[http]\nport = {wrong}\n")
        settings = {name: value for name, value in self.cluster.instance_settings().items() if name != "http.port"}
        environment = harness.clean_environment() | harness.setting_environment(
            settings | {"admin.port": free_port(), "http.port": wrong})
        with subprocess.Popen([harness.BINARY, "serve", "--config", config, f"--http.port={right}"], env=environment,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            try:
                def answers():
                    with contextlib.suppress(OSError, http.client.HTTPException):
                        with contextlib.closing(harness.Client(right, timeout_s=1)) as client:
                            return client.get("/livez").status == 200
                    return False
                harness.wait_until(answers, 10, "the flag did not win")
            finally:
                child.terminate()

    def test_secrets_are_not_taken_from_the_command_line(self):
        secret = secrets.token_hex(20)
        code, output = self.serve(arguments=[f"--jwt.secret={secret}"])
        self.assertIsNotNone(code)
        self.assertNotIn(secret, output)

    def test_it_waits_for_no_store_for_ever(self):
        self.assert_refused("redis", {"redis.url": f"redis://127.0.0.1:{free_port()}/0"})
        self.assert_refused("postgres", {"postgres.url": f"postgresql://postgres@127.0.0.1:{free_port()}/none"})


class CommandTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(1)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.stop()

    def test_migrate_twice_and_two_at_once(self):
        postgres = self.cluster.postgres
        for turn in range(3):
            name = f"fresh_{turn}"
            postgres.execute("postgres", f"CREATE DATABASE {name}")
            try:
                environment = harness.clean_environment() | harness.setting_environment(
                    {"postgres.url": postgres.url(name)})
                children = [subprocess.Popen([harness.BINARY, "migrate"], env=environment, stdout=subprocess.PIPE,
                                             stderr=subprocess.STDOUT, text=True) for _ in range(4)]
                outputs = [child.communicate(timeout=30 * SLOWNESS)[0] for child in children]
                self.assertEqual([child.returncode for child in children], [0] * 4, outputs)
                before = postgres.execute(name, "SELECT * FROM schema_migrations")
                harness.migrate(postgres.url(name))
                self.assertEqual(postgres.execute(name, "SELECT * FROM schema_migrations"), before)
                self.assertEqual(postgres.execute(name, "SELECT count(*) FROM order_units"), [(0,)])
            finally:
                postgres.execute("postgres", f"DROP DATABASE {name} WITH (FORCE)")

    def test_migrate_on_a_database_that_is_not_there(self):
        done = harness.run_flashsaled(["migrate"], {"postgres.url": self.cluster.postgres.url("none_such")})
        self.assertGreater(done.returncode, 0)
        self.assertNotIn(self.cluster.postgres.password, done.stdout + done.stderr)

    def test_token_is_one_that_serve_takes(self):
        done = self.cluster.flashsaled("token", "--customer", "ada")
        self.assertEqual(done.returncode, 0, done.stderr)
        sale = self.cluster.create_sale()
        response = self.cluster.buy(sale, "unused", headers={"Authorization": f"Bearer {done.stdout.strip()}"})
        self.assertEqual(response.status, 201, repr(response))
        rows = self.cluster.query("SELECT customer_id FROM order_units WHERE order_id = %s", (response.json()["id"],))
        self.assertEqual(rows, [("ada",)])

    def test_check(self):
        done = self.cluster.flashsaled("check")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, "redis: [0-9]+ MiB used, maxmemory is not set; a rebuild needs ")
        self.cluster.redis.client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            done = self.cluster.flashsaled("check")
            self.assertGreater(done.returncode, 0)
            self.assertIn("maxmemory-policy", done.stdout + done.stderr)
        finally:
            self.cluster.redis.client.config_set("maxmemory-policy", "noeviction")
        for secret in (self.cluster.redis.password, self.cluster.postgres.password, self.cluster.jwt_secret):
            self.assertNotIn(secret, done.stdout + done.stderr)

    def test_check_tries_the_brokers(self):
        settings = {"events.rabbitmq.url": "amqp://user:secret@127.0.0.1:9/", "events.kafka.brokers": "127.0.0.1:9"}
        done = self.cluster.flashsaled("check", settings=settings)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("note         events wait for rabbitmq: 127.0.0.1:9 cannot be reached", done.stdout)
        self.assertIn("note         events wait for kafka: topic flashsale.events: ", done.stdout)
        done = self.cluster.flashsaled("check", settings={"events.rabbitmq.url": "http://user:secret@rabbit/"})
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("unsafe       events.rabbitmq.url: must be amqp://", done.stdout)
        self.assertNotIn("secret", done.stdout + done.stderr)

    def test_what_is_not_checked_of_tokens_is_told(self):
        done = self.cluster.flashsaled("check")
        self.assertNotIn("warning", done.stdout)
        settings = {"jwt.issuer": "", "jwt.audience": "", "jwt.lifetime_max_s": 0}
        done = self.cluster.flashsaled("check", settings=settings)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        instance = self.cluster.add_instance(settings)
        for name in settings:
            self.assertIn(name, done.stdout)
            self.assertIn(name, instance.process.log_text())

    def test_help_and_version(self):
        for argument in ("--help", "--version"):
            done = harness.run_flashsaled([argument])
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(done.stdout.strip())
        for command in ("serve", "migrate", "audit", "token", "check", "verify-draw"):
            self.assertIn(command, harness.run_flashsaled(["--help"]).stdout)
        version = re.search(r"project\(flashsaled VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
        self.assertIn(version, harness.run_flashsaled(["--version"]).stdout)

    def test_usage_errors(self):
        for arguments in (["sell"], ["--no-such-flag"], ["token"], ["audit", "--sale"], ["serve", "extra"]):
            done = harness.run_flashsaled(arguments)
            self.assertGreater(done.returncode, 0, arguments)
            self.assertEqual(len((done.stdout + done.stderr).strip().splitlines()), 1, done.stdout + done.stderr)


class LogsTest(ClusterCase):
    def records(self):
        records = []
        for line in self.cluster.instances[0].process.log_text().splitlines():
            record = json.loads(line)
            self.assertIsInstance(record, dict)
            records.append(record)
        return records

    def test_request_ids(self):
        sale = self.cluster.create_sale()
        mine = f"edge-{secrets.token_hex(6)}"
        taken = self.cluster.buy(sale, self.cluster.new_customer(), headers={"X-Request-Id": mine})
        self.assertEqual(taken.header("X-Request-Id"), mine)
        made = [self.cluster.client().get("/v1/sales").header("X-Request-Id") for _ in range(3)]
        self.assertEqual(len(set(made)), 3)
        odd = self.cluster.client().get("/v1/sales", {"X-Request-Id": "bad id\x7f" + "x" * 200})
        self.assertNotIn("bad id", odd.header("X-Request-Id"))
        problem = self.cluster.client().get("/nothing", {"X-Request-Id": mine + "-404"})
        self.assertEqual(problem.header("X-Request-Id"), mine + "-404")

        def logged():
            text = self.cluster.instances[0].process.log_text()
            return all(f'"{one}"' in text for one in (mine, *made))
        harness.wait_until(logged, 5, "not every request id is in the log")

    def test_json_without_secrets(self):
        sale = self.cluster.create_sale()
        customer = self.cluster.new_customer()
        self.assertEqual(self.cluster.buy(sale, customer).status, 201)
        forged = self.cluster.token(customer)[:-3] + "AAA"
        self.assertEqual(self.cluster.buy(sale, customer, headers={"Authorization": f"Bearer {forged}"}).status, 401)
        self.assertEqual(self.cluster.buy(sale, customer, body=b'{"sku":"injected\\n{\\"level\\":\\"error\\"}",'
                                                               b'"quantity":1}').status, 404)
        self.assertEqual(self.cluster.admin("GET", "/admin/v1/sales", token="wrong-token-0123456789").status, 401)
        self.cluster.redis.client.client_kill_filter(_type="normal")
        time.sleep(0.5)
        records = self.records()
        self.assertTrue(records)
        for record in records:
            self.assertLessEqual({"time", "level", "message"}, set(record), record)
        text = self.cluster.instances[0].process.log_text()
        signature = self.cluster.token(customer).rpartition(".")[2]
        for secret in (self.cluster.jwt_secret, self.cluster.admin_token, self.cluster.redis.password,
                       self.cluster.postgres.password, signature, forged, "Bearer", "wrong-token-0123456789"):
            self.assertNotIn(secret, text)


class FilesTest(ClusterCase):
    """What buyers' connections leave of the files that a process may have open."""

    def limited(self, soft, hard, settings=None):
        binary = self.cluster.directory / f"limited-{soft}-{hard}"
        binary.write_text(f'#!/bin/sh\nulimit -Sn {soft} && ulimit -Hn {hard} && exec "{harness.BINARY}" "$@"\n')
        binary.chmod(0o755)
        return self.cluster.add_instance(settings, binary=binary)

    def test_the_soft_limit_is_raised(self):
        instance = self.limited(256, 4096, {"http.connections_max": 1000})
        limits = pathlib.Path(f"/proc/{instance.process.pid}/limits").read_text()
        self.assertRegex(limits, r"Max open files\s+4096\s+4096")
        self.assertNotIn("fewer connections", instance.process.log_text())

    def test_idle_connections_leave_room_for_the_rest(self):
        instance = self.limited(1024, 1024, {"http.threads": 1, "http.idle_timeout_ms": 60_000})
        said = next(line for line in instance.process.log_text().splitlines() if "fewer connections" in line)
        self.assertIn("20000", said)
        sale = self.cluster.create_sale()
        idle = []
        with contextlib.closing(instance.client()) as buyer, contextlib.ExitStack() as stack:
            self.check_status(buyer.get("/livez"), 200)
            for _ in range(1100):
                with contextlib.suppress(OSError):
                    idle.append(stack.enter_context(socket.create_connection(("127.0.0.1", instance.port), timeout=5)))
            self.assertGreater(len(idle), 1000)
            self.check_status(instance.admin("GET", "/readyz", token=False), 200)
            self.check_status(instance.admin("GET", "/admin/v1/sales"), 200)
            self.check_status(self.cluster.buy(sale, self.cluster.new_customer(), client=buyer), 201)
            self.assertNotIn("cannot accept", instance.process.log_text())

    def test_without_any_file_left_it_does_not_spin(self):
        instance = self.limited(1024, 1024, {"http.threads": 1})
        # As somebody's library might: below what is open already, so that every accept fails.
        subprocess.run(["prlimit", f"--pid={instance.process.pid}", "--nofile=8:1024"], check=True)
        with contextlib.ExitStack() as stack:
            for _ in range(5):
                stack.enter_context(socket.create_connection(("127.0.0.1", instance.port), timeout=5))
            harness.wait_until(lambda: "cannot accept" in instance.process.log_text(), 10, "nothing is logged")

            def work_s():
                times = pathlib.Path(f"/proc/{instance.process.pid}/stat").read_text().rpartition(")")[2].split()
                return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")

            before = work_s()
            time.sleep(2)
            self.assertLess(work_s() - before, 1)
            self.assertEqual(instance.process.log_text().count("cannot accept"), 1)
        subprocess.run(["prlimit", f"--pid={instance.process.pid}", "--nofile=1024:1024"], check=True)
        with contextlib.closing(instance.client()) as client:
            self.check_status(client.get("/livez"), 200)


class OpenApiTest(ClusterCase):
    """openapi.yaml is what the router serves, no more and no less."""

    METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
    settings = {"shop.enabled": True}  # without a page the public listener has no `/`

    def described(self):
        """(method, path) of every operation, by the indentation that YAML gives them."""
        operations, path, in_paths = [], None, False
        for line in (ROOT / "openapi.yaml").read_text().splitlines():
            if re.match(r"\S", line):
                in_paths = line.startswith("paths:")
            elif in_paths and (match := re.match(r"^  ['\"]?(/[^'\":]*)['\"]?:\s*$", line)):
                path = match[1]
            elif in_paths and (match := re.match(r"^    ([a-z]+):", line)) and match[1] in self.METHODS:
                operations.append((match[1].upper(), path))
        return operations

    def call(self, method, path):
        body = b"{}" if method in ("POST", "PUT", "PATCH") else None
        headers = {"Content-Type": "application/json"} if body else {}
        if path in ("/admin/v1/events/stream", "/admin/v1/ops/stream"):
            path += "?after=none"  # what is answered well has no end
        if path.startswith(("/admin", "/metrics")):
            return self.cluster.admin(method, path, body, headers)
        return self.cluster.client().request(method, path, body, headers | self.cluster.bearer("somebody"))

    def test_it_is_served_as_it_is(self):
        response = self.check_status(self.cluster.admin("GET", "/openapi.yaml", token=False), 200)
        self.assertIn("yaml", response.header("Content-Type"))
        self.assertEqual(response.body, (ROOT / "openapi.yaml").read_bytes())

    def test_strangers_are_told_of_the_public_listener_alone(self):
        response = self.check_status(self.cluster.client().get("/openapi.yaml"), 200)
        whole = yaml.safe_load((ROOT / "openapi.yaml").read_text())
        public = yaml.safe_load(response.body)
        expected = {path: item for path, item in whole["paths"].items() if not path.startswith(("/admin", "/metrics"))}
        self.assertEqual(public["paths"], expected)
        self.assertNotIn(b"/admin/v1", response.body)
        self.assertNotIn("adminToken", public["components"]["securitySchemes"])
        text = response.body.decode()
        for kind, components in public["components"].items():
            self.assertEqual(components, {name: whole["components"][kind][name] for name in components})
            for name in components:
                self.assertTrue(f"#/components/{kind}/{name}" in text or f"- {name}:" in text, f"{kind} {name}")
        for kind, name in re.findall(r"#/components/(\w+)/([\w-]+)", text):
            self.assertIn(name, public["components"][kind])

    def test_it_can_be_kept(self):
        for response in (self.cluster.client().get("/openapi.yaml"), self.cluster.admin("GET", "/openapi.yaml")):
            self.assertEqual(response.header("Cache-Control"), "public, max-age=3600")
            self.assertRegex(response.header("ETag"), '^"[0-9a-f]+"$')
        first = self.cluster.client().get("/openapi.yaml")
        again = self.cluster.client().get("/openapi.yaml", {"If-None-Match": first.header("ETag")})
        self.assertEqual((self.check_status(again, 304).body, again.header("ETag")), (b"", first.header("ETag")))

    def test_version_is_the_projects(self):
        version = re.search(r"project\(flashsaled VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
        text = (ROOT / "openapi.yaml").read_text()
        self.assertRegex(text, rf"(?m)^  version: ['\"]?{re.escape(version)}['\"]?$")
        self.assertRegex(text, r"(?m)^openapi: ['\"]?3\.1\.")

    def test_every_operation_is_routed(self):
        operations = self.described()
        self.assertGreater(len(operations), 12)
        for method, path in operations:
            with self.subTest(f"{method} {path}"):
                # A page that is not there is the one refusal that looks like a missing route.
                known = path.replace("/problems/{name}", "/problems/sold-out")
                response = self.call(method, re.sub(r"\{[^}]*\}", "some-name", known))
                self.assertNotEqual(response.status, 405, repr(response))
                self.assertNotEqual(response.problem, "not-found", repr(response))
                self.assertLess(response.status, 500, repr(response))

    def test_the_root_leads_to_the_page_of_each_listener(self):
        for answer, page in ((self.cluster.client().get("/?lang=de"), "/shop?lang=de"),
                             (self.cluster.client().get("/"), "/shop"),
                             (self.cluster.admin("GET", "/", token=False), "/ops")):
            self.assertEqual(self.check_status(answer, 303).header("Location"), page)

    def test_nothing_else_is_routed(self):
        described = collections.defaultdict(set)
        for method, path in self.described():
            described[path].add(method)
        for path, methods in described.items():
            for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - methods:
                with self.subTest(f"{method} {path}"):
                    response = self.call(method, re.sub(r"\{[^}]*\}", "some-name", path))
                    self.check_status(response, 405, "method-not-allowed")
                    allowed = set(re.split(r",\s*", response.header("Allow")))
                    self.assertLessEqual(methods, allowed)
                    self.assertNotIn(method, allowed)
            if "{" not in path.rpartition("/")[2]:
                self.check_status(self.call("GET", re.sub(r"\{[^}]*\}", "some-name", path) + "-not"), 404, "not-found")

    def test_every_status_of_the_checkout_is_described(self):
        text = (ROOT / "openapi.yaml").read_text()
        block = re.search(r"(?ms)^  /v1/sales/\{sale_id\}/orders:\n(.*?)(?=^  /|^\S)", text)[1]
        for status in (200, 201, 202, 400, 401, 404, 409, 413, 415, 422, 429, 431, 503):
            self.assertRegex(block, rf"(?m)^ +['\"]?{status}['\"]?:", f"no {status}")


if __name__ == "__main__":
    unittest.main()
