"""scripts/run as its user meets it: options, the ready line, DIR/env, the sessions of README and docs, a dying
instance, the end by every kind of signal, and the next start on the same directory.

Everything is the real thing but the build: a stand-in for cmake notes what it was asked for and compiles nothing, so
that the binary that is tested is the one that is there, and a change of the sources during the test is of no concern.
"""

import base64
import contextlib
import fcntl
import json
import os
import pathlib
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.parse

import psycopg2
import redis as redis_py

import harness
from harness import ROOT, SLOWNESS, wait_until

SCRIPT = ROOT / "scripts" / "run"
SERVED_BINARY = (ROOT / "build" / "release" / "flashsaled").resolve()

FIRST_START_S = 60   # makes the secrets and the database, on a machine that may be busy
NEXT_START_S = 10
END_S = 30

VARIABLES = {"FLASHSALE_" + name for name in (
    "URL", "ADMIN_URL", "EDGE_URL", "ADMIN_TOKEN", "JWT_SECRET", "JWT_ISSUER", "JWT_AUDIENCE", "WEBHOOK_SECRET",
    "REDIS_URL", "POSTGRES_URL", "PIDS")}
EXECUTABLES = {"flashsaled": {"flashsaled"}, "redis": {"redis-server", "valkey-server"}, "postgres": {"postgres"},
               "nginx": {"nginx"}}

CMAKE_STAND_IN = r"""#!/bin/sh
printf '%s\n' "$*" >>"$CMAKE_CALLS"
exit "${CMAKE_STATUS:-0}"
"""


def setUpModule():
    if harness.BINARY != SERVED_BINARY:
        raise unittest.SkipTest("scripts/run serves the release build, whatever other binary is under test")
    if not SERVED_BINARY.exists():
        raise harness.HarnessError(f"{SERVED_BINARY} is not built")


# --- the script ------------------------------------------------------------------------------------------------------


def environment(directory, extra=None):
    """A clean one in which cmake is the stand-in; `directory` is for the list of its calls."""
    bin_directory = harness.run_directory() / "bin"
    if not bin_directory.exists():
        bin_directory.mkdir()
        (bin_directory / "cmake").write_text(CMAKE_STAND_IN)
        (bin_directory / "cmake").chmod(0o755)
    return harness.clean_environment() | {"PATH": f"{bin_directory}:{os.environ['PATH']}",
                                          "CMAKE_CALLS": str(pathlib.Path(directory) / "cmake-calls")} | (extra or {})


def new_directory(prefix="run-"):
    directory = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=harness.run_directory()))
    directory.chmod(0o755)  # PostgreSQL may run as another user
    return directory


def run_to_end(*arguments, extra=None, cwd=None):
    """For what is not meant to serve."""
    directory = new_directory("end-")
    return subprocess.run([SCRIPT, *map(str, arguments)], cwd=cwd or directory, env=environment(directory, extra),
                          capture_output=True, text=True, timeout=60 * SLOWNESS, stdin=subprocess.DEVNULL, check=False)


def identity(pid):
    """What tells a process from a later one with the same id; None when it is gone or only waits to be reaped."""
    with contextlib.suppress(OSError):
        fields = harness.process_fields(pid)
        if fields[0] not in "ZX":
            return pid, fields[19]
    return None


class Run:
    """One scripts/run and what it left on its outputs."""

    def __init__(self, state, *options, extra=None, script=SCRIPT, cwd="/", user=None, deaf_to_int=False):
        self.directory = new_directory()
        self.errors_path = self.directory / "errors"
        self.errors_path.touch()
        self.errors_path.chmod(0o666)  # also for `user`
        self.state = pathlib.Path(cwd, state)
        self.port, self.admin_port, self.nginx_port = (harness.free_port() for _ in range(3))
        command = [str(script), "--state", str(state), "--port", self.port, f"--admin-port={self.admin_port}",
                   "--nginx-port", self.nginx_port, *options]
        # What `scripts/run &` in a script inherits: SIGINT ignored.
        prelude = 'trap "" INT; ' if deaf_to_int else ""
        if user is not None:
            os.chown(self.directory, user.pw_uid, user.pw_gid)
        self.started_at = time.monotonic()
        self.process = harness.Process("scripts/run", ["/bin/sh", "-c", f'{prelude}exec "$0" "$@" 2>"$ERRORS"',
                                                       *command],
                                       self.directory / "output", cwd=cwd, user=user, death_signal=signal.SIGTERM,
                                       env=environment(self.directory, {"ERRORS": str(self.errors_path),
                                                                        **(extra or {})}))
        self.variables = {}
        self._tree = set()

    def output(self):
        return self.process.log_text()

    def errors(self):
        return self.errors_path.read_text(errors="replace")

    def ready_lines(self):
        return [line for line in self.output().split("\n") if line.startswith("ready")]

    def wait_ready(self, within_s):
        def ready():
            if self.process.exit_code is not None:
                raise harness.HarnessError(f"scripts/run ended with {self.process.exit_code}:\n{self.errors()}")
            return self.ready_lines()
        wait_until(ready, within_s, f"scripts/run is not ready: {self.errors()}")
        self.ready_after_s = time.monotonic() - self.started_at
        self.variables = read_env(self.state / "env")
        return self

    def __getitem__(self, name):
        return self.variables["FLASHSALE_" + name]

    def pids(self):
        """{name: pid} of DIR/env."""
        return {name: int(pid) for name, _, pid in (entry.partition(":") for entry in self["PIDS"].split())}

    def cmake_calls(self):
        return (self.directory / "cmake-calls").read_text().splitlines()

    def note_processes(self):
        """What runs now, for `remaining`; the servers' own children included."""
        pids = set(harness.process_tree(self.process.pid)) | set(self.pids().values() if self.variables else [])
        self._tree = {identity(pid) for pid in pids} - {None}
        return self._tree

    def remaining(self):
        return {one for one in self._tree if identity(one[0]) == one}

    def end(self, number=signal.SIGTERM):
        """(exit code, seconds that it took)."""
        self.note_processes()
        began = time.monotonic()
        code = self.process.end(number, END_S)
        return code, time.monotonic() - began

    def discard(self):
        """Whatever happened, nothing is left for the next test."""
        if self.process.exit_code is None:
            self.end()

    # --- calls ---

    def client(self, which="URL"):
        return harness.Client(urllib.parse.urlsplit(self[which]).port)

    def bearer(self, customer):
        claims = harness.customer_claims(customer, iss=self["JWT_ISSUER"], aud=self["JWT_AUDIENCE"])
        return {"Authorization": f"Bearer {harness.make_token(self['JWT_SECRET'], claims)}"}

    def get(self, path, customer=None, which="URL"):
        with contextlib.closing(self.client(which)) as client:
            return client.get(path, self.bearer(customer) if customer else None)

    def admin(self, path):
        with contextlib.closing(self.client("ADMIN_URL")) as client:
            return client.get(path, {"Authorization": f"Bearer {self['ADMIN_TOKEN']}"})

    def buy(self, customer, key="key", sku="festival-day-pass", which="URL"):
        with contextlib.closing(self.client(which)) as client:
            return client.request("POST", "/v1/sales/friday-drop/orders", {"sku": sku, "quantity": 1},
                                  {**self.bearer(customer), "Idempotency-Key": key})


def read_env(path):
    """What a plain POSIX shell knows after it has read the file, and passes on."""
    done = subprocess.run(["/bin/sh", "-euc", '. "$0"; env -0', str(path)], env={"PATH": os.environ["PATH"]},
                          capture_output=True, text=True, check=True)
    pairs = dict(entry.split("=", 1) for entry in done.stdout.split("\0") if "=" in entry)
    return {name: value for name, value in pairs.items() if name.startswith("FLASHSALE_")}


def is_locked(path):
    """Whether somebody who was given the state's lock still runs."""
    with open(path, "rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


class RunCase(unittest.TestCase):
    def start(self, state, *options, within_s=FIRST_START_S, **how):
        run = Run(state, *options, **how)
        self.addCleanup(run.discard)
        return run.wait_ready(within_s)

    def check_ended(self, run, code, seconds):
        """It and everything that it had started is gone, in time, and the directory is free."""
        self.assertEqual(0, code, run.errors())
        self.assertLess(seconds, END_S * SLOWNESS)
        self.assertGreaterEqual(len(run._tree), len(run.pids()))
        self.assertEqual(set(), run.remaining(), "these were left behind")
        self.assertFalse(is_locked(run.state / "lock"))
        self.assertNotIn("killing it", run.errors())
        self.assertRegex(run.errors(), r"(?m)^scripts/run: stopped$")

    def check_status(self, response, *statuses):
        self.assertIn(response.status, statuses, repr(response))
        return response


# --- the sessions of README and docs/session.md ----------------------------------------------------------------------

# File, and the heading that the pasted block stands below.
SESSIONS = (("README.md", "## A session"), ("docs/session.md", "# A session with payments and carts"))
# The comment at a line's end that says what to expect: a status, what is in the answer, or an exit status.
PROMISE = re.compile(r"\s#\s+(?P<promise>[1-5]\d\d\b.*|\".*|.*\bexit status \d+)$")
MARK = "--- end of command"


def session_of(name, heading):
    """The pasted block."""
    text = (ROOT / name).read_text(encoding="utf-8")
    found = re.search(rf"^{heading}\n.*?^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"{name} has no session"
    return found.group(1)


def commands_of(session):
    """[(text, promise)…]: the block, cut behind each line that promises something. What follows the last one has the
    promise None."""
    commands, lines = [], []
    for line in session.split("\n"):
        lines.append(line)
        match = PROMISE.search(line)
        if match:
            commands.append(("\n".join(lines) + "\n", match.group("promise").strip()))
            lines = []
    return commands + [("\n".join(lines) + "\n", None)]


def with_marks(commands):
    """The script that prints a mark with the exit status behind each command."""
    return "".join(f"{text}printf '\\n{MARK} %s\\n' $?\n" for text, _ in commands)


def disagreements(commands, output):
    """Where the output is not what the comments promise. A status that nobody promised is one, too."""
    parts = re.split(rf"^{MARK} (\d+)\n", output, flags=re.MULTILINE)
    answers = list(zip(parts[0::2], map(int, parts[1::2])))
    if len(answers) != len(commands) or parts[-1]:
        return [f"{len(commands)} commands were pasted, {len(answers)} came to an end: {parts[-1]}"]
    wrong = []
    for (text, promise), (answer, exit_status) in zip(commands, answers):
        statuses = re.findall(r"^HTTP/[\d.]+ (\d{3})\b", answer, re.MULTILINE)
        wanted_statuses, wanted_exit, wanted_text = [], 0, ""
        if promise is None:
            pass
        elif promise[0].isdigit():
            wanted_statuses, wanted_text = [promise[:3]], promise[3:].lstrip(", ")
        elif promise.startswith('"'):
            wanted_statuses, wanted_text = ["200"], promise
        else:
            wanted_exit = int(promise.rpartition(" ")[2])
        if statuses != wanted_statuses or exit_status != wanted_exit or wanted_text not in answer:
            wrong.append(f"promised: {promise}\nafter: {text}exit status {exit_status}, printed: {answer}")
    return wrong


def paste(script, cwd):
    """Gives the text to a bash on its standard input, where a command that reads would take the rest away."""
    return subprocess.run(["bash"], input=script, cwd=cwd, env=harness.clean_environment(), capture_output=True,
                          text=True, timeout=120 * SLOWNESS, check=False)


class SessionReaderTest(unittest.TestCase):
    """The reader of the session itself can fail."""

    SESSION = ("x=1  # a remark\ncat\nbuy a  # 201\nbuy '{\n}'  # 422 no-such-key\nget  # 200, confirmed\n"
               "audit  # \"consistent\":true\ncheck  # all; exit status 0\n")
    ANSWERS = ("catalog\nHTTP/1.1 201 Created\n\n{}\n", "HTTP/1.1 422 X\n\nno-such-key\n",
               "HTTP/1.1 200 OK\nconfirmed\n", 'HTTP/1.1 200 OK\n{"consistent":true}\n', "fine\n", "\n")

    def found(self, changes=None, exits=None):
        commands = commands_of(self.SESSION)
        answers = [(changes or {}).get(number, answer) for number, answer in enumerate(self.ANSWERS)]
        return disagreements(commands, "".join(f"{answer}\n{MARK} {(exits or {}).get(number, 0)}\n"
                                               for number, answer in enumerate(answers)))

    def test_commands(self):
        self.assertEqual(["201", "422 no-such-key", "200, confirmed", '"consistent":true', "all; exit status 0", None],
                         [promise for _, promise in commands_of(self.SESSION)])
        self.assertEqual("buy '{\n}'  # 422 no-such-key\n", commands_of(self.SESSION)[1][0])

    def test_what_is_promised_is_fine(self):
        self.assertEqual([], self.found())

    def test_disagreements_are_found(self):
        for changes, exits in (
                ({0: "HTTP/1.1 409 Conflict\n"}, {}), ({0: "catalog\n"}, {}), ({1: "HTTP/1.1 422 X\n\nother\n"}, {}),
                ({2: "HTTP/1.1 200 OK\npending\n"}, {}), ({3: 'HTTP/1.1 200 OK\n{"consistent":false}\n'}, {}),
                ({3: 'HTTP/1.1 503 X\n{"consistent":true}\n'}, {}), ({4: "HTTP/1.1 200 OK\n"}, {}), ({}, {4: 1}),
                ({}, {0: 127}), ({0: self.ANSWERS[0] * 2}, {}), ({5: "HTTP/1.1 200 OK\n"}, {})):
            with self.subTest(changes=changes, exits=exits):
                self.assertEqual(1, len(self.found(changes, exits)))
        self.assertIn("came to an end", disagreements(commands_of(self.SESSION), f"x\n{MARK} 0\n")[0])

    def test_every_command_of_the_sessions_is_cut_whole(self):
        for name, heading in SESSIONS:
            commands = commands_of(session_of(name, heading))
            self.assertGreater(len(commands), 10, name)
            for text, _ in commands:
                done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
                self.assertEqual((0, ""), (done.returncode, done.stderr), text)


# --- options ---------------------------------------------------------------------------------------------------------


class OptionsTest(unittest.TestCase):
    def check_refused(self, done, *words):
        """A status that is not 0 and one line that says what is wrong."""
        self.assertNotEqual(0, done.returncode)
        self.assertEqual("", done.stdout)
        lines = done.stderr.splitlines()
        self.assertEqual(1, len(lines), done.stderr)
        self.assertTrue(lines[0].startswith("scripts/run: "), lines[0])
        for word in words:
            self.assertIn(word, lines[0])

    def test_bad_options(self):
        state = new_directory() / "state"
        port = str(harness.free_port())
        for arguments, words in (
                (["--instance", "2"], ["--instance", "--help"]), (["serve"], ["serve"]), ([""], ["option"]),
                (["-x"], ["-x"]), (["--instances", "0"], ["--instances", "from 1 to 64"]),
                (["--instances=65"], ["--instances"]), (["--instances", "two"], ["two"]), (["--instances"], ["value"]),
                (["--instances", "-1"], ["-1"]), (["--port", "0"], ["--port", "65535"]), (["--port=65536"], ["65536"]),
                (["--port", "1e3"], ["1e3"]), (["--admin-port", "x"], ["--admin-port"]),
                (["--nginx-port", "99999999999999999999"], ["--nginx-port"]), (["--nginx-port", ""], ["--nginx-port"]),
                (["--crowd", "0"], ["--crowd", "from 1 to 50000"]), (["--crowd", "9", "--no-demo"], ["--crowd"]),
                (["--port", port, "--admin-port", port], [port, "twice"]), (["--state"], ["--state", "value"]),
                (["--state", "/proc/flashsale"], ["/proc/flashsale"]), (["--state", "/dev/null"], ["/dev/null"])):
            with self.subTest(arguments=arguments):
                free = [] if "--port" in arguments or "--port=65536" in arguments else ["--port", port]
                self.check_refused(run_to_end("--state", state, *free, *arguments), *words)
        self.assertFalse((state / "env").exists())
        self.assertFalse((state / "logs").exists(), "a server was started in spite of a bad option")

    def test_help_names_every_option(self):
        done = run_to_end("--help")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        for option in ("--state", "--port", "--admin-port", "--nginx-port", "--instances", "--no-nginx", "--no-demo",
                       "--no-rate-limit", "--crowd", "--build-only"):
            self.assertRegex(done.stdout, rf"(?m)^  {option}\b")

    def test_build_only(self):
        directory = new_directory()
        calls = directory / "calls"
        done = run_to_end("--build-only", "--state", directory / "state", extra={"CMAKE_CALLS": str(calls)})
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertEqual([f"--build {ROOT}/build/release --target flashsaled flashsale-load"],
                         calls.read_text().splitlines())
        self.assertFalse((directory / "state").exists())

    def test_nothing_is_started_after_a_build_that_failed(self):
        state = new_directory() / "state"
        ports = [argument for option in ("--port", "--admin-port", "--nginx-port")
                 for argument in (option, harness.free_port())]
        done = run_to_end("--state", state, *ports, extra={"CMAKE_STATUS": "1"})
        self.check_refused(done, "the build failed")
        self.assertFalse((state / "logs").exists())


# --- serving ---------------------------------------------------------------------------------------------------------


class RabbitmqTest(RunCase):
    def test_every_event_is_in_a_queue_of_a_private_rabbitmq(self):
        state = new_directory("state-")
        for start in ("first", "next"):
            run = self.start(state, "--with-rabbitmq", "--no-nginx")
            self.assertLessEqual({"epmd", "rabbitmq"}, set(run.pids()))
            bought, told = set(), set()

            def is_told(run=run, start=start, bought=bought, told=told):
                # RabbitMQ is told of what happens from when the instance has noted that it is there.
                order = self.check_status(run.buy(f"{start}-{len(bought)}"), 201).json()
                bought.add(f"{order['id']}/1")
                told.update(message["properties"]["message_id"] for message in self.messages(run))
                return bought & told
            wait_until(is_told, 20, "no order is told", 0.2)
            self.check_ended(run, *run.end())

    def messages(self, run):
        api = urllib.parse.urlsplit(run["RABBITMQ_API"])
        authorization = base64.b64encode(f"{api.username}:{api.password}".encode()).decode()
        with contextlib.closing(harness.Client(api.port)) as client:
            response = client.request("POST", f"{api.path}/queues/%2F/flashsale.events/get",
                                      {"count": 50, "ackmode": "ack_requeue_false", "encoding": "auto"},
                                      {"Authorization": f"Basic {authorization}"})
        return self.check_status(response, 200).json()


@unittest.skipUnless(os.environ.get("FLASHSALE_TEST_KAFKA_JARS"), "FLASHSALE_TEST_KAFKA_JARS names no folder")
class KafkaTest(RunCase):
    """With the jars that scripts/test --all has fetched."""

    def test_every_event_is_in_a_topic_of_a_private_kafka(self):
        state = new_directory("state-")
        told = []
        for start in ("first", "next"):
            run = self.start(state, "--with-kafka", "--no-nginx")
            self.assertIn("kafka", run.pids())
            order = self.check_status(run.buy(f"{start}-buyer"), 201).json()
            told.append(order["id"])
            wait_until(lambda run=run: set(told) <= self.subjects(run), 30, "an order is not told", 0.2)
            self.check_ended(run, *run.end())

    def subjects(self, run):
        """By the consumer that README shows, which is given up on when nothing more comes."""
        done = subprocess.run(["java", "-cp", run["KAFKA_JARS"] + "/*",
                               "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server",
                               run["KAFKA_BROKERS"], "--topic", "flashsale.events", "--from-beginning",
                               "--timeout-ms", "5000"], capture_output=True, text=True, timeout=60 * SLOWNESS)
        return {json.loads(line)["subject"] for line in done.stdout.splitlines()}


class KafkaFetchTest(RunCase):
    def test_it_says_why_when_there_is_no_kafka_to_be_had(self):
        """From a copy of the project without jars, with a Maven that reaches nothing."""
        project = new_directory("offline-")
        for folder in ("scripts", "config"):
            shutil.copytree(ROOT / folder, project / folder)
        (project / "build" / "release").mkdir(parents=True)
        (project / "build" / "release" / "build.ninja").touch()
        ports = [argument for option in ("--port", "--admin-port", "--nginx-port")
                 for argument in (option, harness.free_port())]
        installer = project / "scripts" / "install"
        installer.write_text("#!/bin/sh\nexit 0\n", encoding="ascii")
        tools = new_directory("tools-")
        (tools / "mvn").write_text("#!/bin/sh\necho no way out; exit 1\n", encoding="ascii")
        (tools / "mvn").chmod(0o755)
        (tools / "cmake").write_text("#!/bin/sh\n", encoding="ascii")
        (tools / "cmake").chmod(0o755)
        done = subprocess.run([str(part) for part in (project / "scripts" / "run", "--state", project / "state",
                                                      "--with-kafka", *ports)], capture_output=True, text=True,
                              env=harness.clean_environment() | {"PATH": f"{tools}:{os.environ['PATH']}"},
                              timeout=60 * SLOWNESS)
        self.assertEqual((1, ""), (done.returncode, done.stdout), done.stderr)
        self.assertIn("no way out\n", done.stderr)
        self.assertIn("scripts/run: Kafka cannot be fetched by Maven: see", done.stderr)
        self.assertFalse((project / "state" / "env").exists())


class ServingTest(RunCase):
    """One run with two instances, which several tests look at."""

    run_of_all: Run

    @classmethod
    def setUpClass(cls):
        cls.run_of_all = Run(new_directory("state-") / "made by it", "--instances", "2", "--crowd", "40")
        cls.addClassCleanup(cls.run_of_all.discard)
        cls.run_of_all.wait_ready(FIRST_START_S)
        cls.identities = {name: identity(pid) for name, pid in cls.run_of_all.pids().items()}

    def setUp(self):
        self.it = self.run_of_all

    def test_ready_line(self):
        self.assertEqual(1, len(self.it.ready_lines()))
        line = self.it.ready_lines()[0]
        for text in (self.it["URL"], self.it["ADMIN_URL"], self.it["EDGE_URL"], str(self.it.state / "env")):
            self.assertIn(text, line)
        self.assertTrue(self.it.output().endswith(line + "\n"), "something follows the ready line")
        self.assertEqual(f"--build {ROOT}/build/release --target flashsaled flashsale-load", self.it.cmake_calls()[0])

    def test_env(self):
        self.assertEqual(VARIABLES, set(self.it.variables))
        self.assertEqual(f"http://127.0.0.1:{self.it.port}", self.it["URL"])
        self.assertEqual(f"http://127.0.0.1:{self.it.admin_port}", self.it["ADMIN_URL"])
        self.assertEqual(f"http://127.0.0.1:{self.it.nginx_port}", self.it["EDGE_URL"])
        for path in ("env", "secrets/admin_token", "secrets/jwt_secret", "secrets/postgres_url"):
            self.assertEqual(0, (self.it.state / path).stat().st_mode & 0o077, f"{path} is for everybody to read")

    def test_pids(self):
        self.assertEqual({"flashsaled-1", "flashsaled-2", "redis", "postgres", "nginx"}, set(self.it.pids()))
        for name, pid in self.it.pids().items():
            self.assertIsNotNone(self.identities[name], f"{name} was not running when it was ready")
            if name != "flashsaled-2":  # which another test kills
                comm = pathlib.Path("/proc", str(pid), "comm").read_text().strip()
                self.assertIn(comm, EXECUTABLES[name.partition("-")[0]], name)
                self.assertIn(pid, harness.process_tree(self.it.process.pid))

    def test_urls(self):
        for which in ("URL", "EDGE_URL"):
            for path in ("/livez", "/readyz", "/v1/sales", "/openapi.yaml"):
                self.check_status(self.it.get(path, which=which), 200)
        self.check_status(self.it.get("/metrics", which="ADMIN_URL"), 200)
        self.check_status(self.it.get("/admin/v1/sales", which="ADMIN_URL"), 401)
        self.check_status(self.it.admin("/admin/v1/sales"), 200)
        self.check_status(self.it.get("/admin/v1/sales", which="EDGE_URL"), 404)

    def test_token_buys_what_the_stores_then_hold(self):
        order = self.check_status(self.it.buy("visitor"), 201).json()
        self.check_status(self.it.get("/v1/orders/" + order["id"], "visitor", "EDGE_URL"), 200)
        with contextlib.closing(psycopg2.connect(self.it["POSTGRES_URL"], connect_timeout=5)) as connection:
            with connection.cursor() as cursor:
                cursor.execute("SELECT sale_id, customer_id, sku, quantity, status FROM order_units"
                               " WHERE order_id = %s", (order["id"],))
                self.assertEqual([("friday-drop", "visitor", "festival-day-pass", 1, "confirmed")], cursor.fetchall())
                for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                    cursor.execute(f"SHOW {setting}")
                    self.assertEqual("on", cursor.fetchone()[0], setting)
        with contextlib.closing(redis_py.Redis.from_url(self.it["REDIS_URL"], socket_timeout=10)) as client:
            self.assertTrue(client.keys("*{friday-drop}*"))
            for setting, value in (("appendonly", "yes"), ("appendfsync", "everysec"),
                                   ("maxmemory-policy", "noeviction")):
                self.assertEqual({setting: value}, {name.decode() if isinstance(name, bytes) else name:
                                                    text.decode() if isinstance(text, bytes) else text
                                                    for name, text in client.config_get(setting).items()})

    def test_the_instances_are_users_who_may_do_little(self):
        with contextlib.closing(psycopg2.connect(self.it["POSTGRES_URL"], connect_timeout=5)) as connection:
            with connection.cursor() as cursor:
                cursor.execute("SELECT DISTINCT usename FROM pg_stat_activity"
                               " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
                self.assertEqual([(harness.SERVE_ROLE,)], cursor.fetchall())
        with contextlib.closing(redis_py.Redis.from_url(self.it["REDIS_URL"], socket_timeout=10)) as client:
            mine = client.client_id()
            self.assertEqual({"flashsale"}, {other["user"] for other in client.client_list()
                                             if int(other["id"]) != mine})
            self.assertGreater(int(client.config_get("maxmemory")["maxmemory"]), 0)

    def test_demo_sale(self):
        sale = self.check_status(self.it.get("/v1/sales/friday-drop"), 200).json()
        self.assertEqual("open", sale["state"])
        self.assertGreater(len(sale["items"]), 3)
        self.assertEqual(len(sale["items"]), len({item["sku"] for item in sale["items"]}))
        # The crowd may have bought all of something.
        self.assertTrue(all(item["availability"] in ("available", "sold_out") for item in sale["items"]), sale)

    def test_the_shop_is_open(self):
        self.assertIn(f"The shop, for a browser: {self.it['URL']}/shop/friday-drop\n", self.it.output())
        for which in ("URL", "EDGE_URL"):
            page = self.check_status(self.it.get("/shop/friday-drop", which=which), 200).body.decode()
            self.assertIn("Court sneaker, white, EU 42", page)
            self.assertIn('data-demo="true"', page)
            self.check_status(self.it.get("/shop.js", which=which), 200)
            self.check_status(self.it.get("/favicon.ico", which=which), 200)

    def test_a_crowd_comes(self):
        self.assertIn("40 buyers are coming to it now", self.it.output())
        sale = "/admin/v1/sales/friday-drop/report"
        wait_until(lambda: self.it.admin(sale).json()["totals"]["orders"]["confirmed"] >= 20, 90, "nobody has come")
        wait_until(lambda: "the crowd has gone; check: PASSED" in self.it.errors(), 90, "the crowd is still there")

    def test_a_customer_may_send_a_hundred_requests_a_second(self):
        with contextlib.closing(self.it.client("EDGE_URL")) as client:
            for _ in range(100):
                self.check_status(client.get("/v1/orders", self.it.bearer("busy")), 200)

    def play(self, session):
        self.assertEqual(1, session.count(".flashsale/env"))
        session = session.replace(".flashsale/env", shlex.quote(str(self.it.state / "env")))
        commands = commands_of(session)
        done = paste(with_marks(commands), ROOT)
        self.assertEqual("", done.stderr, done.stdout)
        wrong = disagreements(commands, done.stdout)
        self.assertEqual([], wrong, "\n".join(wrong))
        return done.stdout

    def test_session_of_the_readme(self):
        output = self.play(session_of(*SESSIONS[0]))
        self.assertIn('"friday-drop"', output.split("HTTP/", 1)[0], "the catalog was not shown")

    def test_session_with_payments_and_carts(self):
        self.play(session_of(*SESSIONS[1]))

    def test_session_that_it_prints(self):
        """From a terminal in another directory."""
        lines = self.it.output().partition("paste this into another terminal:\n")[2].partition("\nready")[0]
        self.assertIn("curl", lines)
        load = [line for line in lines.splitlines() if "flashsale-load run" in line]
        self.assertEqual(1, len(load), lines)
        done = paste(lines.replace(load[0], ""), "/")
        self.assertEqual((0, ""), (done.returncode, done.stderr), done.stdout)
        # The pair, the same again, a ticket and its payment, and another pair through NGINX.
        statuses = re.findall(r"^HTTP/1\.1 (\d+)", done.stdout, re.MULTILINE)
        self.assertEqual(["201", "200", "201", "200", "201"], statuses, done.stdout)
        # The load tells of its progress on standard error.
        done = paste(f". {shlex.quote(str(self.it.state / 'env'))}\n{load[0]}\n", "/")
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertIn("check: PASSED", done.stdout)
        # It leaves nothing that stands before the demo sales.
        def shop():
            return self.check_status(self.it.get("/shop"), 200).body.decode()
        wait_until(lambda: ">Load<" not in shop(), 5, "the shop offers what the load has sold")
        self.assertRegex(shop(), r'<ul class="sales"><li class="sale"><a href="/shop/friday-drop\?')

    def test_what_is_taken_is_not_taken_twice(self):
        """A second run in the same directory, or at a port that is in use, changes nothing for the first."""
        ports = ["--port", harness.free_port(), "--admin-port", harness.free_port(), "--nginx-port"]
        before = (self.it.state / "env").read_bytes()
        for arguments, words in (
                (["--state", self.it.state, *ports, harness.free_port()],
                 [str(self.it.state), str(self.it.process.pid)]),
                (["--state", new_directory(), *ports, self.it.nginx_port], [str(self.it.nginx_port), "--nginx-port"])):
            with self.subTest(words=words):
                done = run_to_end(*arguments)
                OptionsTest.check_refused(self, done, *words)
        self.assertEqual(before, (self.it.state / "env").read_bytes())
        self.check_status(self.it.get("/readyz"), 200)

    def test_the_rest_serves_when_an_instance_dies(self):
        pid = self.it.pids()["flashsaled-2"]
        os.kill(pid, signal.SIGKILL)
        for number in range(30):
            self.check_status(self.it.buy(f"unmoved-{number}", which="EDGE_URL"), 201)
        self.check_status(self.it.get("/readyz"), 200)
        self.check_status(self.it.get("/readyz", which="EDGE_URL"), 200)
        wait_until(lambda: f"flashsaled-2 (process {pid}) has ended" in self.it.errors(), 5, "the death is not logged")
        self.assertEqual(1, self.it.errors().count("has ended"), self.it.errors())
        self.assertIsNone(self.it.process.exit_code)


# --- ending, and starting again --------------------------------------------------------------------------------------


class LifeTest(RunCase):
    def check_order(self, run, order, customer):
        """It is what it was, and its key still gives it."""
        self.assertEqual(order, self.check_status(run.get("/v1/orders/" + order["id"], customer), 200).json())
        replay = self.check_status(run.buy(customer), 200)
        self.assertEqual(("true", order), (replay.header("Idempotency-Replayed"), replay.json()))

    def remaining_passes(self, run):
        items = self.check_status(run.get("/v1/sales/friday-drop"), 200).json()["items"]
        return next(item["remaining"] for item in items if item["sku"] == "festival-day-pass")

    def test_the_next_start_finds_everything(self):
        """Ended by SIGTERM, then killed, then ended by Ctrl-C: each time with the orders of the times before."""
        state = new_directory("state-")
        slow = {"FLASHSALE_RATE_LIMIT_REQUESTS_PER_S": "1", "FLASHSALE_RATE_LIMIT_BURST": "1"}

        first = self.start(state, extra=slow)
        answers = [first.get("/v1/orders", "hasty").status for _ in range(5)]
        self.assertIn(429, answers, "a FLASHSALE_ variable was not passed on")
        one = self.check_status(first.buy("anna"), 201).json()
        code, seconds = first.end(signal.SIGTERM)
        self.check_ended(first, code, seconds)

        # From a shell that has read the env of the run before.
        second = self.start(state, within_s=NEXT_START_S, extra=first.variables)
        for name in ("ADMIN_TOKEN", "JWT_SECRET"):
            self.assertEqual(first[name], second[name])
        self.assertNotEqual(first["PIDS"], second["PIDS"])
        self.check_order(second, one, "anna")
        two = self.check_status(second.buy("berta", which="EDGE_URL"), 201).json()
        left = 2000 - 2
        wait_until(lambda: self.remaining_passes(second) == left, 5, "the catalog does not show the two orders")
        second.note_processes()
        second.process.kill()
        wait_until(lambda: not second.remaining(), END_S, f"outlived a killed scripts/run: {second.remaining()}")

        # Not held to the bound of a next start: PostgreSQL recovers from a crash first.
        third = self.start(state, "--no-rate-limit", extra=slow, deaf_to_int=True)
        self.check_order(third, one, "anna")
        self.check_order(third, two, "berta")
        wait_until(lambda: self.remaining_passes(third) == left, 10, "stock is not what it was")
        audit = self.check_status(third.admin("/admin/v1/sales/friday-drop/audit"), 200).json()
        self.assertTrue(audit["consistent"], audit)
        self.assertEqual([200] * 5, [third.get("/v1/orders", "hasty").status for _ in range(5)])
        self.assertIn('map "off" $limited_address', (state / "nginx" / "nginx.conf").read_text())
        third.note_processes()
        began = time.monotonic()
        os.killpg(third.process.pid, signal.SIGINT)  # as a terminal does
        code = third.process.wait(END_S)
        self.check_ended(third, code, time.monotonic() - began)

    def test_the_shop_is_no_demo_where_somebody_else_says_who_buys(self):
        state = new_directory("state-")
        key = harness.Es256Key(state.parent, f"issuer-{state.name}").public
        for settings in ({"AUTH_MODE": "gateway", "AUTH_GATEWAY_PEERS": "192.0.2.0/24"},
                         {"JWT_PUBLIC_KEY_FILE": str(key), "JWT_PUBLIC_KEY_ALGORITHM": "ES256"}):
            with self.subTest(settings):
                run = self.start(state, "--no-nginx", "--no-demo",
                                 extra={f"FLASHSALE_{name}": value for name, value in settings.items()})
                with contextlib.closing(run.client("URL")) as client:
                    self.check_status(client.get("/shop"), 200)
                    self.check_status(client.request("POST", "/shop/demo/token"), 404, 405)
                code, seconds = run.end(signal.SIGTERM)
                self.check_ended(run, code, seconds)

    def test_plain_user_with_the_least_in_a_directory_with_blanks(self):
        """The project belongs to a user who is not root; as root, that is `nobody` with a copy."""
        project = new_directory("a plain user's ")
        script, user = SCRIPT, None
        if os.geteuid() == 0:
            user = self.plain_copy(project)
            script = project / "scripts" / "run"
        how = {"script": script, "user": user, "cwd": str(project)}

        # One that is told to end while it starts leaves nothing behind, and nothing in the way of the next one.
        hasty = Run("the state", "--no-nginx", "--no-demo", **how)
        self.addCleanup(hasty.discard)
        wait_until(lambda: (hasty.state / "logs" / "redis.log").exists() or hasty.process.exit_code is not None,
                   FIRST_START_S, "nothing was started")
        code, seconds = hasty.end()
        self.assertEqual(1, code, hasty.errors())
        self.assertLess(seconds, END_S * SLOWNESS)
        self.assertEqual(set(), hasty.remaining())
        self.assertFalse(is_locked(hasty.state / "lock"))
        self.assertFalse((hasty.state / "env").exists())
        self.assertEqual([], hasty.ready_lines())

        run = self.start("the state", "--no-nginx", "--no-demo", **how)
        self.assertEqual(VARIABLES, set(run.variables))
        self.assertEqual("", run["EDGE_URL"])
        self.assertEqual({"flashsaled-1", "redis", "postgres"}, set(run.pids()))
        self.assertNotIn("NGINX", run.ready_lines()[0])
        self.assertEqual([], self.check_status(run.get("/v1/sales"), 200).json()["sales"])
        self.check_status(run.admin("/admin/v1/sales"), 200)
        if user is not None:
            for name, pid in run.pids().items():
                self.assertEqual(user.pw_uid, pathlib.Path("/proc", str(pid)).stat().st_uid, name)
        with self.assertRaises(ConnectionRefusedError):
            harness.Client(run.nginx_port).connect()
        code, seconds = run.end()
        self.check_ended(run, code, seconds)

    def plain_copy(self, project):
        """What scripts/run needs of the project, and whose it is."""
        user = pwd.getpwnam("nobody")
        for folder in ("scripts", "config"):
            shutil.copytree(ROOT / folder, project / folder)
        (project / "build" / "release").mkdir(parents=True)
        shutil.copy2(SERVED_BINARY, project / "build" / "release" / "flashsaled")
        (project / "build" / "release" / "build.ninja").touch()
        for path in [project, *project.rglob("*")]:
            os.chown(path, user.pw_uid, user.pw_gid)
        return user


if __name__ == "__main__":
    unittest.main()
