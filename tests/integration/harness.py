"""Real servers for the end-to-end tests: Redis, PostgreSQL, NGINX and any number of flashsaled instances.

Everything a test starts lives in a private directory under the system's temporary one, listens on loopback only and
ends with the test, also when the test process is killed (each child asks the kernel for a signal when its parent
dies). Needs Debian's python3-psycopg2 and python3-redis.

Environment:
  FLASHSALED_BINARY         the binary to test (default build/release/flashsaled)
  FLASHSALE_TEST_SLOWNESS   multiplies every time-out and freshness bound, e.g. 10 under a sanitizer (default 1)
  FLASHSALE_TEST_KEEP       non-empty: leave the temporary directory behind
"""

import atexit
import base64
import contextlib
import ctypes
import dataclasses
import datetime
import fcntl
import hashlib
import hmac
import http.client
import itertools
import json
import os
import pathlib
import pwd
import queue
import random
import re
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import psycopg2
import psycopg2.extensions
import redis as redis_py

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("FLASHSALED_BINARY", ROOT / "build" / "release" / "flashsaled")).resolve()
SLOWNESS = float(os.environ.get("FLASHSALE_TEST_SLOWNESS", "1"))

JWT_ISSUER = "https://shop.example"
JWT_AUDIENCE = "flashsale"
ADMIN_NAME = "till"
SERVE_ROLE = "flashsale_serve"  # of config/postgresql_roles.sql
FRESH_MS = 250  # how old the catalog may be, and how long a change may take to reach every instance

_LOG_TAIL_BYTES = 6000
_SANITIZER_REPORT = re.compile(r"(ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error: )")


class HarnessError(RuntimeError):
    """The surroundings of a test failed, or an instance did something that no test may overlook."""


# --- processes ------------------------------------------------------------------------------------------------------

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_used_ports = {}  # port: its reservation
_running = []  # what has to be ended when the interpreter leaves


def free_port():
    """A port that nobody listens on, below the range that outgoing connections take theirs from. No other run of tests
    takes it while this one lasts: the server that is to listen there may start much later."""
    directory = pathlib.Path(tempfile.gettempdir(), f"flashsale-test-ports-{os.getuid()}")
    directory.mkdir(exist_ok=True)
    while True:
        port = random.randrange(10_000, 32_000)
        if port in _used_ports:
            continue
        reservation = open(directory / str(port), "w", encoding="ascii")  # held until this process ends
        try:
            fcntl.flock(reservation, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
            continue
        _used_ports[port] = reservation
        return port


def wait_until(condition, timeout_s, what, interval_s=0.02):
    """Calls `condition` until it returns something true, and returns that."""
    deadline = time.monotonic() + timeout_s * SLOWNESS
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise HarnessError(f"timed out after {timeout_s * SLOWNESS:g} s: {what}")
        time.sleep(interval_s)


class Process:
    """A child with its output in a log file. Start only from the main thread: the kernel's parent-death signal
    follows the thread that forked."""

    def __init__(self, name, command, log_path, env=None, cwd=None, user=None, death_signal=signal.SIGKILL):
        assert threading.current_thread() is threading.main_thread(), "start processes from the main thread"
        self.name = name
        self.log_path = pathlib.Path(log_path)

        def in_child():
            os.setpgid(0, 0)  # Ctrl-C at the terminal goes to the tests alone, which then end it in order
            _libc.prctl(_PR_SET_PDEATHSIG, death_signal)

        identity = {}
        if user is not None:
            identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=log, env=env, cwd=cwd, preexec_fn=in_child, **identity)
        self.pid = self.popen.pid
        _running.append(self)

    @property
    def exit_code(self):
        """None while it runs; negative: the signal that ended it."""
        return self.popen.poll()

    def send(self, number):
        if self.exit_code is None:
            os.kill(self.pid, number)

    def wait(self, timeout_s):
        try:
            return self.popen.wait(timeout_s * SLOWNESS)
        except subprocess.TimeoutExpired:
            return None

    def end(self, number=signal.SIGTERM, timeout_s=10):
        """Sends the signal and waits; kills when that takes too long. Returns the exit code, None if killed."""
        self.send(number)
        code = self.wait(timeout_s)
        if code is None:
            self.kill()
        if self in _running:
            _running.remove(self)
        return code

    def kill(self):
        self.send(signal.SIGKILL)
        self.popen.wait()
        if self in _running:
            _running.remove(self)

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def log_tail(self):
        text = self.log_text()
        return text if len(text) <= _LOG_TAIL_BYTES else "…" + text[-_LOG_TAIL_BYTES:]


def _end_everything():
    for process in reversed(list(_running)):
        with contextlib.suppress(OSError):
            os.kill(process.pid, signal.SIGCONT)
            # Only SIGQUIT lets a postmaster take its children along at once.
            os.kill(process.pid, signal.SIGQUIT if process.name.startswith("postgres") else signal.SIGKILL)
    for process in list(_running):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.popen.wait(5)
    _running.clear()


atexit.register(_end_everything)
if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def process_fields(pid):
    """What /proc/PID/stat says after the name, from the state on (proc(5), field 3). OSError: it is gone."""
    return pathlib.Path("/proc", str(pid), "stat").read_text(errors="replace").rpartition(")")[2].split()


def process_state(pid):
    """One letter, as "T" for stopped and "Z" for dead and not fetched; None when it is gone."""
    with contextlib.suppress(OSError):
        return process_fields(pid)[0]
    return None


def process_tree(pid):
    """`pid` and all its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            children.setdefault(int(process_fields(entry)[1]), []).append(int(entry))
    tree, pending = [], [pid]
    while pending:
        one = pending.pop()
        tree.append(one)
        pending.extend(children.get(one, []))
    return tree


def cpu_seconds(pid, with_tree=False):
    """User and system time so far, that of children which have ended included."""
    ticks = 0
    for one in process_tree(pid) if with_tree else [pid]:
        with contextlib.suppress(OSError):
            ticks += sum(int(field) for field in process_fields(one)[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


# --- the stores -----------------------------------------------------------------------------------------------------


class RedisServer:
    """A durable private Redis. The password is there so that tests can look for it in the logs."""

    def __init__(self, directory, extra=(), password=None, environment=None):
        self.directory = pathlib.Path(directory)
        self.environment = dict(environment or {})  # of its own, besides this process's
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.password = password or secrets.token_hex(12)
        self.url = f"redis://:{self.password}@127.0.0.1:{self.port}/0"  # the tests' own: everything
        self.server_url = f"redis://flashsale:{self.password}@127.0.0.1:{self.port}/0"  # of config/redis_users.acl
        self.client = redis_py.Redis.from_url(self.url, socket_timeout=10, socket_connect_timeout=2)
        self.extra = list(extra)  # options of the next start
        self.process = None
        self.start()

    def _users_file(self):
        """The users that ship, and the tests' own, who may do everything."""
        (self.directory / "redis_password").write_text(self.password)
        (self.directory / "redis_operator_password").write_text(self.password)
        with open(ROOT / "config" / "redis_users.acl", encoding="utf-8") as template:
            done = subprocess.run([ROOT / "scripts" / "render_redis_users", self.directory], stdin=template,
                                  capture_output=True, text=True, check=True)
        users = re.sub(r"^user default .*$", f"user default on >{self.password} ~* &* +@all", done.stdout, flags=re.M)
        path = self.directory / "users.acl"
        path.write_text(users)
        return path

    def start(self):
        command = ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", self.directory, "--save", "",
                   "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction",
                   "--aclfile", self._users_file(), "--daemonize", "no", *self.extra]
        self.process = Process(f"redis:{self.port}", command, self.directory / "redis.log",
                               env=os.environ | self.environment)
        wait_until(self._answers, 10, f"Redis on port {self.port}: {self.process.log_tail()}")

    def _answers(self):
        if self.process.exit_code is not None:
            raise HarnessError(f"redis-server ended with {self.process.exit_code}: {self.process.log_tail()}")
        try:
            return self.client.ping()
        except redis_py.exceptions.RedisError:
            return False

    def kill(self):
        self.process.kill()

    def restart(self):
        self.kill()
        self.start()

    def wait_rewritten(self, timeout_s=10):
        """Until no rewrite of the AOF is under way."""
        wait_until(lambda: not self.client.info("persistence")["aof_rewrite_in_progress"], timeout_s,
                   "the AOF is still rewritten", 0.05)

    def pause(self):
        self.process.send(signal.SIGSTOP)

    def resume(self):
        self.process.send(signal.SIGCONT)

    def stop(self):
        if self.process is not None and self.process.exit_code is None:
            self.resume()
            self.process.end()
        self.client.close()


def postgres_bin(name):
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: int(p.parts[4]))
    if found:
        return str(found[-1])
    on_path = shutil.which(name)
    if on_path is None:
        raise HarnessError(f"{name} is not installed")
    return on_path


def _postgres_user():
    """Whom PostgreSQL runs as, since it refuses to run as root; None: as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise HarnessError("running as root needs a user postgres or nobody for PostgreSQL")


class PostgresServer:
    """A durable private PostgreSQL, copied from one cluster that initdb made once for the run."""

    _pristine = None  # (directory, password)

    def __init__(self, directory, settings=None, port=None):
        self.directory = pathlib.Path(directory)
        self.port = port or free_port()
        self.user = _postgres_user()
        pristine, self.password = self._initialised()
        self.directory.mkdir(parents=True, exist_ok=True)
        self._settings = dict(settings or {})
        self.process = None
        self._fill(pristine)
        self._own(self.directory)
        (self.directory / "data").chmod(0o700)
        self.start()
        self._make_serve_role()

    def _fill(self, pristine):
        """Makes the data directory."""
        shutil.copytree(pristine, self.directory / "data", symlinks=True)

    def _own(self, directory):
        if self.user is None:
            return
        os.chown(directory, self.user.pw_uid, self.user.pw_gid)
        for path in pathlib.Path(directory).rglob("*"):
            os.chown(path, self.user.pw_uid, self.user.pw_gid, follow_symlinks=False)

    def adopt_files(self):
        """After somebody has put other files into the data directory."""
        self._own(self.directory)

    @classmethod
    def _initialised(cls):
        if cls._pristine is None:
            base = run_directory() / "pristine"
            base.mkdir()
            user = _postgres_user()
            password = secrets.token_hex(12)
            password_file = base / "password"
            password_file.write_text(password)
            identity = {}
            if user is not None:
                os.chown(base, user.pw_uid, user.pw_gid)
                os.chown(password_file, user.pw_uid, user.pw_gid)
                identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            done = subprocess.run([postgres_bin("initdb"), "-D", base / "data", "-U", "postgres", "-E", "UTF8",
                                   "--locale=C", "--no-sync", "--auth=scram-sha-256", f"--pwfile={password_file}"],
                                  capture_output=True, text=True, cwd="/", **identity)
            if done.returncode != 0:
                raise HarnessError(f"initdb: {done.stdout}{done.stderr}")
            cls._pristine = (base / "data", password)
        return cls._pristine

    def start(self):
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.directory,
                    "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "max_connections": 200,
                    "shared_buffers": "64MB", "log_line_prefix": "%m [%p] %a ", **self._settings}
        command = [postgres_bin("postgres"), "-D", self.directory / "data"]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self.process = Process(f"postgres:{self.port}", command, self.directory / "postgres.log", user=self.user,
                               cwd="/", death_signal=signal.SIGQUIT)
        wait_until(self._answers, 30, f"PostgreSQL on port {self.port}: {self.process.log_tail()}")

    def _make_serve_role(self):
        """As config/postgresql_roles.sql does. A standby has its primary's."""
        if not self.execute("postgres", "SELECT pg_is_in_recovery()")[0][0]:
            self.execute("postgres", f"CREATE ROLE {SERVE_ROLE} LOGIN PASSWORD '{self.password}'")

    def _answers(self):
        if self.process.exit_code is not None:
            raise HarnessError(f"postgres ended with {self.process.exit_code}: {self.process.log_tail()}")
        try:
            self.connect("postgres").close()
            return True
        except psycopg2.OperationalError:
            return False

    def url(self, database):
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def serve_url(self, database):
        """Of the role that instances have; url() is a superuser's."""
        return self.url(database).replace("//postgres:", f"//{SERVE_ROLE}:", 1)

    def connect(self, database):
        connection = psycopg2.connect(self.url(database), connect_timeout=5)
        connection.autocommit = True
        return connection

    def execute(self, database, sql, parameters=None):
        """Runs one statement on a connection of its own; the rows, if it has any."""
        with contextlib.closing(self.connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    def pause(self):
        """Stops the postmaster and every backend, so that nothing is answered and no connection breaks."""
        for pid in process_tree(self.process.pid):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGSTOP)

    def resume(self):
        for pid in process_tree(self.process.pid):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGCONT)

    def crash(self):
        """An immediate shutdown: every session is cut, recovery runs at the next start."""
        self.process.end(signal.SIGQUIT)

    def stop(self):
        if self.process is not None and self.process.exit_code is None:
            self.resume()
            self.process.end(signal.SIGINT)


# --- the run's own directory, and the PostgreSQL server that clusters share -----------------------------------------

_run_directory = None
_shared_postgres = None
_template_ready = False
_database_numbers = itertools.count(1)


def run_directory():
    global _run_directory
    if _run_directory is None:
        _run_directory = pathlib.Path(tempfile.mkdtemp(prefix="flashsale-test-"))
        _run_directory.chmod(0o755)  # PostgreSQL may run as another user

        def clean():
            _end_everything()
            if os.environ.get("FLASHSALE_TEST_KEEP"):
                print(f"kept: {_run_directory}", file=sys.stderr)
            else:
                shutil.rmtree(_run_directory, ignore_errors=True)

        atexit.register(clean)
    return _run_directory


def shared_postgres():
    global _shared_postgres
    if _shared_postgres is None:
        _shared_postgres = PostgresServer(run_directory() / "postgres")
    return _shared_postgres


def clean_environment():
    """The environment without any setting of ours: what the caller's shell holds must not leak into a test."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith("FLASHSALE") and name != "LC_ALL"} | {"TZ": "UTC"}


def setting_environment(settings):
    """{"http.port": 1} as FLASHSALE_HTTP_PORT=1."""
    def text(value):
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)
    return {"FLASHSALE_" + name.replace(".", "_").upper(): text(value) for name, value in settings.items()
            if value is not None}


def run_flashsaled(arguments, settings=None, timeout_s=30, cwd=None):
    """Runs a command of the binary to its end; CompletedProcess with text output."""
    if not BINARY.exists():
        raise HarnessError(f"{BINARY} is not built")
    return subprocess.run([str(BINARY), *arguments], env=clean_environment() | setting_environment(settings or {}),
                          capture_output=True, text=True, timeout=timeout_s * SLOWNESS, stdin=subprocess.DEVNULL,
                          cwd=cwd or run_directory())


def _migrated_template(server):
    """The name of a database that `flashsaled migrate` has filled, for CREATE DATABASE … TEMPLATE."""
    global _template_ready
    if not _template_ready:
        server.execute("postgres", "CREATE DATABASE flashsale_template")
        migrate(server.url("flashsale_template"))
        _template_ready = True
    return "flashsale_template"


def migrate(url):
    """As the owner; SERVE_ROLE is given what it needs."""
    done = run_flashsaled(["migrate"], {"postgres.url": url, "postgres.serve_role": SERVE_ROLE})
    if done.returncode != 0:
        raise HarnessError(f"flashsaled migrate: exit {done.returncode}: {done.stdout}{done.stderr}")
    return done


# --- tokens ---------------------------------------------------------------------------------------------------------


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_token(secret, claims, header=None):
    """A compact JWS signed with HS256, whatever its header says."""
    head = base64url(json.dumps(header or {"alg": "HS256", "typ": "JWT"}, separators=(",", ":")).encode())
    payload = base64url(json.dumps(claims, separators=(",", ":")).encode())
    signature = hmac.digest(secret.encode(), f"{head}.{payload}".encode(), "sha256")
    return f"{head}.{payload}.{base64url(signature)}"


class Es256Key:
    """A private key that an issuer of tokens has; `public` is the file for its verifiers."""

    def __init__(self, directory, name="es256"):
        self.private, self.public = (directory / f"{name}.{part}.pem" for part in ("private", "public"))
        self._to_sign = directory / f"{name}.to-sign"
        self._openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.private)
        self._openssl("pkey", "-in", self.private, "-pubout", "-out", self.public)

    @staticmethod
    def _openssl(*arguments):
        return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True).stdout

    @staticmethod
    def signed_text(claims):
        parts = ({"alg": "ES256", "typ": "JWT"}, claims)
        return ".".join(base64url(json.dumps(part, separators=(",", ":")).encode()) for part in parts)

    def token(self, claims):
        text = self.signed_text(claims)
        self._to_sign.write_text(text)
        der = self._openssl("dgst", "-sha256", "-sign", self.private, self._to_sign)
        # SEQUENCE {INTEGER r, INTEGER s}, each shorter than 128 bytes.
        s_at = 4 + der[3]
        numbers = der[4:s_at], der[s_at + 2:]
        raw = b"".join(number.lstrip(b"\0").rjust(32, b"\0") for number in numbers)
        return f"{text}.{base64url(raw)}"

    @classmethod
    def forged(cls, claims):
        """One that has to be checked before it is refused: r and s are numbers that a signature may have."""
        signature = bytes([0, *secrets.token_bytes(31), 0, *secrets.token_bytes(31)])
        return f"{cls.signed_text(claims)}.{base64url(signature)}"


def customer_claims(customer, **changes):
    now = int(time.time())
    claims = {"sub": customer, "iss": JWT_ISSUER, "aud": JWT_AUDIENCE, "iat": now, "exp": now + 3600}
    claims.update(changes)
    return {name: value for name, value in claims.items() if value is not None}


# --- HTTP -----------------------------------------------------------------------------------------------------------


class Response:
    """An answer: status, headers (names in any case) and body."""

    def __init__(self, status, headers, body, sent_at, received_at):
        self.status = status
        self.headers = headers
        self.body = body
        self.sent_at = sent_at          # time.time() just before the request was written
        self.received_at = received_at  # time.time() when the body was complete

    def header(self, name):
        return self.headers.get(name)

    def json(self):
        return json.loads(self.body)

    @property
    def problem(self):
        """The problem's name, e.g. "sold-out"; None when this is no problem document."""
        if (self.header("Content-Type") or "").split(";")[0] != "application/problem+json":
            return None
        return self.json()["type"].rpartition("/problems/")[2]

    def __repr__(self):
        headers = ", ".join(f"{name}: {value}" for name, value in self.headers.items())
        return f"<{self.status} [{headers}] {self.body[:800]!r}>"


class Client:
    """One keep-alive connection to one listener, for one thread at a time. Never repeats a request by itself: what
    became of one that failed is for the caller to find out."""

    def __init__(self, port, timeout_s=15):
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s * SLOWNESS)

    def connect(self):
        if self._connection.sock is None:
            self._connection.connect()
        return self

    def request(self, method, path, body=None, headers=None):
        """`body`: bytes as they are, or anything else as JSON."""
        fields = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body, separators=(",", ":")).encode()
            fields.setdefault("Content-Type", "application/json")
        self._drop_if_closed()
        sent_at = time.time()
        try:
            self._connection.request(method, path, body=body, headers=fields)
            answer = self._connection.getresponse()
            content = answer.read()
        except BaseException:
            self._connection.close()
            raise
        return Response(answer.status, answer.headers, content, sent_at, time.time())

    def _drop_if_closed(self):
        """An idle connection that the server has closed is no place for a request."""
        sock = self._connection.sock
        if sock is not None and select.select([sock], [], [], 0)[0]:
            self._connection.close()

    def get(self, path, headers=None):
        return self.request("GET", path, headers=headers)

    def close(self):
        self._connection.close()


def raw_exchange(port, data, timeout_s=5, half_close=False):
    """Sends bytes as they are and returns all that comes back until the server closes or falls silent, and whether
    it closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s * SLOWNESS) as sock:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(data)
            if half_close:
                sock.shutdown(socket.SHUT_WR)
        received, closed = b"", False
        try:
            while True:
                chunk = sock.recv(65536)
                if not chunk:
                    closed = True
                    break
                received += chunk
        except ConnectionResetError:
            closed = True
        except TimeoutError:
            pass
        return received, closed


def parse_raw(data):
    """The first HTTP response in `data` as (status, {lower-case name: value}, body)."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(lines[0].split()[1]), headers, body[:int(headers.get("content-length", len(body)))]


# --- time -----------------------------------------------------------------------------------------------------------


def rfc3339(moment):
    """A UNIX time as RFC 3339."""
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).isoformat(timespec="microseconds") \
        .replace("+00:00", "Z")


def unix_time(text):
    assert text.endswith("Z"), f"{text!r} is not in UTC"
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


# --- the cluster ----------------------------------------------------------------------------------------------------


class Instance:
    """One flashsaled process; restarting it keeps its ports."""

    def __init__(self, cluster, number, settings, binary=None, environment=None):
        self.cluster = cluster
        self.number = number
        self.settings = settings
        self.binary = binary or BINARY  # of the next start
        self.environment = dict(environment or {})  # besides the settings
        self.port = free_port()
        self.admin_port = free_port()
        self.process = None
        self.expected_end = False  # a test has ended it on purpose
        self._is_told = False      # to end

    def start(self, ready=True):
        settings = self.cluster.instance_settings() | {
            "http.port": self.port, "admin.port": self.admin_port} | self.settings
        self.expected_end = self._is_told = False
        environment = clean_environment() | setting_environment(settings) | self.environment
        self.process = Process(f"flashsaled-{self.number}", [self.binary, "serve"],
                               self.cluster.directory / f"flashsaled-{self.number}.log", env=environment,
                               cwd=self.cluster.directory)
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self, timeout_s=20):
        def ready():
            if self.process.exit_code is not None:
                raise HarnessError(f"flashsaled-{self.number} ended with {self.process.exit_code}:\n"
                                   f"{self.process.log_tail()}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                with contextlib.closing(Client(self.port, timeout_s=2)) as client:
                    return client.get("/readyz").status == 200
            return False
        wait_until(ready, timeout_s, f"flashsaled-{self.number} is not ready")

    def kill(self):
        self.expected_end = True
        self.process.kill()

    def terminate(self):
        """Sends SIGTERM and does not wait."""
        self.expected_end = self._is_told = True
        self.process.send(signal.SIGTERM)

    def stop(self, timeout_s=25):
        """Graceful; returns the exit code, None if it had to be killed."""
        self.expected_end = True
        # A second SIGTERM could come when the handler of the first is gone already. 0 is no signal.
        return self.process.end(0 if self._is_told else signal.SIGTERM, timeout_s)

    @property
    def alive(self):
        return self.process is not None and self.process.exit_code is None

    def client(self, timeout_s=15):
        return Client(self.port, timeout_s)

    def admin(self, method, path, body=None, headers=None, token=None):
        """One call to the admin listener, authorised unless `token` is given (False: none at all)."""
        fields = dict(headers or {})
        if token is None:
            token = self.cluster.admin_token
        if token is not False:
            fields["Authorization"] = f"Bearer {token}"
        with contextlib.closing(Client(self.admin_port)) as client:
            return client.request(method, path, body, fields)


class Nginx:
    """NGINX in front of instances, with the configuration that ships."""

    def __init__(self, directory, upstream_ports):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._upstream_ports = list(upstream_ports)
        path = self.directory / "nginx.conf"
        path.write_text(self._render())
        self.process = Process(f"nginx:{self.port}", ["nginx", "-c", path, "-p", f"{self.directory}/", "-e", "stderr",
                                                      "-g", "daemon off;"], self.directory / "nginx.log",
                               death_signal=signal.SIGTERM)
        wait_until(self._listens, 10, f"NGINX on port {self.port}: {self.process.log_tail()}")

    def _listens(self):
        if self.process.exit_code is not None:
            raise HarnessError(f"nginx ended with {self.process.exit_code}: {self.process.log_tail()}")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        return False

    def _render(self):
        instances = [f"127.0.0.1:{port}" for port in self._upstream_ports]
        with open(ROOT / "config" / "nginx.conf", encoding="utf-8") as template:
            done = subprocess.run([ROOT / "scripts" / "render_nginx", f"127.0.0.1:{self.port}", "on", "stderr",
                                   "access.log", *instances], stdin=template, capture_output=True, text=True,
                                  check=False)
        if done.returncode != 0:
            raise HarnessError(f"scripts/render_nginx: {done.stderr}")
        return done.stdout

    def client(self, timeout_s=15):
        return Client(self.port, timeout_s)

    def stop(self):
        self.process.end(signal.SIGTERM, 5)


class Cluster:
    """Redis, a database and flashsaled instances that belong to one test class."""

    def __init__(self, instances=1, settings=None, own_postgres=False, nginx=False, postgres_settings=None,
                 binary=None, environment=None):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="cluster-", dir=run_directory()))
        self.directory.chmod(0o755)
        self.settings = dict(settings or {})
        self.jwt_secret = secrets.token_hex(24)
        self.admin_token = secrets.token_urlsafe(24)
        self._tokens_file = self.directory / "admin-tokens"
        self.write_admin_tokens({ADMIN_NAME: self.admin_token})
        self.instances = []
        self.redis = self.postgres = self.nginx = None
        self._own_postgres = own_postgres
        self._postgres_settings = postgres_settings
        self._thread = threading.local()
        self._sale_numbers = itertools.count(1)
        self._customer_numbers = itertools.count(1)
        self._salt = secrets.token_hex(3)
        try:
            self.redis = self._make_redis()
            self._make_database()
            for _ in range(instances):
                self.add_instance(ready=False, binary=binary, environment=environment)
            for instance in self.instances:
                instance.wait_ready()
            if nginx:
                self.nginx = Nginx(self.directory / "nginx", self.ports)
        except BaseException:
            self.stop(check=False)
            raise

    def _make_database(self):
        if self._own_postgres:
            self.postgres = self._make_postgres()
            self.database = "flashsale"
            self.postgres.execute("postgres", "CREATE DATABASE flashsale")
            migrate(self.postgres.url(self.database))
        else:
            self.postgres = shared_postgres()
            self.database = f"flashsale_{next(_database_numbers)}"
            template = _migrated_template(self.postgres)
            self.postgres.execute("postgres", f"CREATE DATABASE {self.database} TEMPLATE {template}")

    def _make_redis(self):
        return RedisServer(self.directory / "redis")

    def _make_postgres(self):
        return PostgresServer(self.directory / "postgres", self._postgres_settings)

    def write_admin_tokens(self, tokens):
        self._tokens_file.write_text("".join(f"{name}:{hashlib.sha256(token.encode()).hexdigest()}\n"
                                             for name, token in tokens.items()))
        self._tokens_file.chmod(0o600)

    @property
    def ports(self):
        """Where buyers and NGINX reach each instance."""
        return [instance.port for instance in self.instances]

    @property
    def postgres_url(self):
        """The instances'."""
        return self.postgres.serve_url(self.database)

    def instance_settings(self):
        return {
            "http.address": "127.0.0.1", "http.threads": 2, "http.request_log_one_in": 1,
            "admin.address": "127.0.0.1", "admin.tokens_file": self._tokens_file,
            "jwt.secret": self.jwt_secret, "jwt.issuer": JWT_ISSUER, "jwt.audience": JWT_AUDIENCE,
            "redis.url": self.redis.server_url, "postgres.url": self.postgres_url,
            "shutdown.delay_ms": 0,
            # Polls and bursts of the tests, not those of a buyer; scripts/run has the same.
            "rate_limit.requests_per_s": 100, "rate_limit.burst": 200,
        } | self.settings

    def add_instance(self, settings=None, ready=True, binary=None, environment=None):
        """One more instance on the same stores, with settings or a binary of its own if need be."""
        instance = Instance(self, len(self.instances) + 1, dict(settings or {}), binary, environment)
        self.instances.append(instance)
        instance.start(ready)
        return instance

    def stop(self, check=True):
        """Ends everything. With `check`, complains about an instance that crashed, did not stop in order or left a
        sanitizer's report."""
        complaints = []
        for instance in self.instances:
            if instance.process is None:
                continue
            if instance.alive:
                code = instance.stop()
                if code != 0:
                    complaints.append(f"flashsaled-{instance.number} answered SIGTERM with exit code {code}:\n"
                                      f"{instance.process.log_tail()}")
            elif not instance.expected_end:
                complaints.append(f"flashsaled-{instance.number} ended by itself with {instance.process.exit_code}:\n"
                                  f"{instance.process.log_tail()}")
            report = _SANITIZER_REPORT.search(instance.process.log_text())
            if report:
                start = max(0, report.start() - 200)
                complaints.append(f"flashsaled-{instance.number} left a sanitizer report:\n"
                                  f"{instance.process.log_text()[start:start + 8000]}")
        if self.nginx is not None:
            self.nginx.stop()
        if self.redis is not None:
            self.redis.stop()
        if self.postgres is not None:
            if self._own_postgres:
                self.postgres.stop()
            else:
                with contextlib.suppress(psycopg2.Error):
                    self.postgres.execute("postgres", f"DROP DATABASE {self.database} WITH (FORCE)")
        if check and complaints:
            raise HarnessError("\n".join(complaints))

    def log_tails(self):
        parts = []
        for instance in self.instances:
            if instance.process is not None:
                parts.append(f"--- flashsaled-{instance.number} (exit code {instance.process.exit_code})\n"
                             f"{instance.process.log_tail()}")
        for server in (self.redis, self.nginx, self.postgres if self._own_postgres else None):
            if server is not None and server.process is not None:
                parts.append(f"--- {server.process.name}\n{server.process.log_tail()[-1500:]}")
        return "\n".join(parts)

    # --- names ---

    def new_sale_id(self, prefix="sale"):
        return f"{prefix}-{self._salt}-{next(self._sale_numbers)}"

    def new_customer(self, prefix="buyer"):
        return f"{prefix}-{self._salt}-{next(self._customer_numbers)}"

    def token(self, customer, **claims):
        return make_token(self.jwt_secret, customer_claims(customer, **claims))

    def bearer(self, customer):
        return {"Authorization": f"Bearer {self.token(customer)}"}

    # --- calls ---

    def client(self, where=0):
        """This thread's keep-alive connection to instance `where` (an index), or to NGINX ("edge")."""
        clients = self._thread.__dict__.setdefault("clients", {})
        port = self.nginx.port if where == "edge" else self.instances[where].port
        if port not in clients:
            clients[port] = Client(port)
        return clients[port]

    def admin(self, method, path, body=None, headers=None, where=0, token=None):
        return self.instances[where].admin(method, path, body, headers, token)

    def forget_clients(self):
        """In a process that was forked: the connections are the parent's."""
        self._thread = threading.local()

    def create_sale(self, where=0, expect=201, **members):
        """Creates a sale that is open now and holds one item, unless told otherwise; the id."""
        definition = sale_definition(members.pop("id", None) or self.new_sale_id(), **members)
        response = self.admin("POST", "/admin/v1/sales", definition, where=where)
        if response.status != expect:
            raise AssertionError(f"creating a sale: {response!r}")
        return definition["id"]

    def buy(self, sale, customer, key=None, sku="sneaker-42", quantity=1, where=0, client=None, headers=None,
            body=None):
        """One checkout. `body` replaces the usual one."""
        fields = {**self.bearer(customer), "Idempotency-Key": key or secrets.token_hex(8),
                  "Content-Type": "application/json"}
        fields.update(headers or {})
        fields = {name: value for name, value in fields.items() if value is not None}
        content = body if body is not None else {"sku": sku, "quantity": quantity}
        return (client or self.client(where)).request("POST", f"/v1/sales/{sale}/orders", content, fields)

    def order(self, order_id, customer, where=0):
        return self.client(where).get(f"/v1/orders/{order_id}", self.bearer(customer))

    def cancel(self, order_id, customer, where=0):
        return self.client(where).request("POST", f"/v1/orders/{order_id}/cancel", headers=self.bearer(customer))

    def wait_final(self, order_id, customer, where=0, timeout_s=10, may_be_unavailable=False):
        """Polls until the order is no longer pending."""
        def final():
            response = self.order(order_id, customer, where)
            if response.status == 503 and may_be_unavailable:
                return None
            if response.status != 200:
                raise AssertionError(f"polling {order_id}: {response!r}")
            return response.json() if response.json()["status"] != "pending" else None
        return wait_until(final, timeout_s, f"order {order_id} stays pending", 0.05)

    def sale(self, sale, where=0):
        response = self.client(where).get(f"/v1/sales/{sale}")
        if response.status != 200:
            raise AssertionError(f"reading {sale}: {response!r}")
        return response.json()

    def item(self, sale, sku="sneaker-42", where=0):
        return next(item for item in self.sale(sale, where)["items"] if item["sku"] == sku)

    def wait_remaining(self, sale, remaining, sku="sneaker-42", where=0, timeout_s=5):
        """The catalog is a little old."""
        wait_until(lambda: self.item(sale, sku, where)["remaining"] == remaining, timeout_s,
                   f"instance {where + 1} does not show {remaining} remaining in {sale}")

    def audit(self, sale, where=0):
        response = self.admin("GET", f"/admin/v1/sales/{sale}/audit", where=where)
        if response.status != 200:
            raise AssertionError(f"audit of {sale}: {response!r}")
        return response.json()

    def wait_consistent(self, sale, timeout_s=10, where=0):
        """The audit, once it says consistent and nothing is pending any more."""
        last = [None]

        def consistent():
            try:
                response = self.admin("GET", f"/admin/v1/sales/{sale}/audit", where=where)
            except (OSError, http.client.HTTPException) as failure:
                last[0] = repr(failure)
                return None
            last[0] = repr(response)
            if response.status != 200:
                return None
            audit = response.json()
            settled = audit["consistent"] and all(item["pending"] == 0 for item in audit["items"])
            return audit if settled else None
        try:
            return wait_until(consistent, timeout_s, f"audit of {sale} is not consistent", 0.1)
        except HarnessError as failure:
            raise AssertionError(f"{failure}; last: {last[0]}") from None

    def query(self, sql, parameters=None):
        return self.postgres.execute(self.database, sql, parameters)

    def cut_sessions(self):
        """Ends every session of this cluster's database."""
        self.postgres.execute("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                              (self.database,))

    @contextlib.contextmanager
    def locked_items(self, sale):
        """Holds the rows of the sale's items, so that nothing can be committed for it."""
        connection = self.postgres.connect(self.database)
        connection.autocommit = False
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM items i JOIN sales s USING (sale_no) WHERE s.sale_id = %s"
                               " FOR UPDATE OF i", (sale,))
                if not cursor.fetchall():
                    raise AssertionError(f"no items of {sale}")
            yield
        finally:
            connection.rollback()
            connection.close()

    def set_stock(self, sale, stock):
        """Behind Redis's back, of each item."""
        self.query("UPDATE items SET stock = %s WHERE sale_no = (SELECT sale_no FROM sales WHERE sale_id = %s)",
                   (stock, sale))

    def flashsaled(self, *arguments, settings=None, timeout_s=30):
        """Runs a command of the binary with this cluster's settings."""
        return run_flashsaled(list(arguments), self.instance_settings() | (settings or {}), timeout_s,
                              cwd=self.directory)


def item_definition(sku="sneaker-42", stock=50, limit=0, amount=12_999, currency="EUR", name=None):
    return {"sku": sku, "name": name or f"Item {sku}", "price": {"amount": amount, "currency": currency},
            "stock": stock, "limit_per_customer": limit}


def sale_definition(sale_id, starts_at=None, ends_at=None, items=None, stock=50, limit=0, name=None, **members):
    now = time.time()
    return {
        "id": sale_id, "name": name or f"Sale {sale_id}",
        "starts_at": rfc3339(now - 60 if starts_at is None else starts_at),
        "ends_at": rfc3339(now + 3600 if ends_at is None else ends_at),
        "payment": "none", "payment_attempts": 1,
        "items": items if items is not None else [item_definition(stock=stock, limit=limit)],
    } | members


# --- crowds ---------------------------------------------------------------------------------------------------------


def crowd(ports, count, work):
    """Runs `work(number, client)` in `count` threads at the same moment. Connections are opened before, spread over
    `ports`. The results in order; the first exception is raised again."""
    results, failures = [None] * count, []
    barrier = threading.Barrier(count)

    def member(number):
        client = Client(ports[number % len(ports)], timeout_s=30)
        try:
            client.connect()
            barrier.wait(timeout=30 * SLOWNESS)
            results[number] = work(number, client)
        except BaseException as failure:  # noqa: B902 - handed to the main thread
            failures.append(failure)
            barrier.abort()
        finally:
            client.close()

    threads = [threading.Thread(target=member, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise next((f for f in failures if not isinstance(f, threading.BrokenBarrierError)), failures[0])
    return results


@dataclasses.dataclass
class Purchase:
    """What one buyer saw for one idempotency key, over all attempts."""

    sale: str
    customer: str
    key: str
    sku: str
    quantity: int
    ids: set = dataclasses.field(default_factory=set)       # every order id that any answer named
    statuses: list = dataclasses.field(default_factory=list)  # HTTP status of each answer; 0: the connection failed
    outcome: str = "unknown"  # unknown, confirmed, cancelled, rejected, refused
    reason: str = ""          # of a refusal: the problem's name

    def note(self, response):
        self.statuses.append(response.status)
        location = response.header("Location")
        if location:
            self.ids.add(location.rpartition("/")[2])
        if response.status in (200, 201, 202):
            self.ids.add(response.json()["id"])
        if response.status == 201:
            self.outcome = response.json()["status"]
        elif response.status == 200 and response.json()["status"] != "pending":
            self.outcome = response.json()["status"]
        elif response.status in (403, 404, 409, 422):
            self.outcome, self.reason = "refused", response.problem or ""
        return response

    @property
    def promised(self):
        return 201 in self.statuses

    @property
    def taken(self):
        return 202 in self.statuses


class Shoppers:
    """A crowd that keeps buying while things break, each attempt with one key until it has a final answer, as a
    careful client does: an unknown outcome, a 503 or a broken connection is tried again with the same key."""

    def __init__(self, cluster, sale, ports, threads=48, sku="sneaker-42", quantity=1, purchases_max=None,
                 pause_s=0.0, redis_may_forget=False, patience_s=30, prefer=None):
        self.cluster = cluster
        self.sale = sale
        self.ports = list(ports)
        self.purchases = []
        self.violations = []
        self._sku, self._quantity, self._prefer = sku, quantity, prefer
        self._pause_s, self._patience_s = pause_s, patience_s * SLOWNESS
        self._redis_may_forget = redis_may_forget
        self._left = threading.Semaphore(purchases_max) if purchases_max is not None else None
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._shop, args=(number,), daemon=True)
                         for number in range(threads)]

    def start(self):
        for thread in self._threads:
            thread.start()
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def finish(self, timeout_s=60):
        """Waits until every started attempt has its final answer; no new ones begin."""
        self._stop.set()
        deadline = time.monotonic() + timeout_s * SLOWNESS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            raise AssertionError("shoppers are still waiting for a final answer")
        return self.purchases

    def wait_all_bought(self, timeout_s=60):
        """Waits until `purchases_max` attempts have ended by themselves."""
        deadline = time.monotonic() + timeout_s * SLOWNESS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return self.finish(0.1)

    def count(self, *outcomes):
        return sum(1 for purchase in list(self.purchases) if purchase.outcome in outcomes)

    def _shop(self, number):
        clients = [Client(port, timeout_s=20) for port in self.ports]
        where = number % len(clients)
        while not self._stop.is_set():
            if self._left is not None and not self._left.acquire(blocking=False):
                break
            purchase = Purchase(self.sale, self.cluster.new_customer(), secrets.token_hex(6), self._sku,
                                self._quantity)
            self.purchases.append(purchase)
            try:
                where = self._buy(purchase, clients, where)
            except Exception as failure:  # noqa: B902 - a thread must not die silently
                self.violations.append(f"{purchase}: {failure!r}")
            time.sleep(self._pause_s)
        for client in clients:
            client.close()

    def _buy(self, purchase, clients, where):
        deadline = time.monotonic() + self._patience_s
        headers = {"Prefer": self._prefer} if self._prefer else None
        while time.monotonic() < deadline:
            try:
                response = purchase.note(self.cluster.buy(purchase.sale, purchase.customer, purchase.key,
                                                          purchase.sku, purchase.quantity,
                                                          client=clients[where], headers=headers))
            except (OSError, http.client.HTTPException):
                purchase.statuses.append(0)
                where = (where + 1) % len(clients)
                time.sleep(0.05)
                continue
            if response.status in (200, 201, 202) and response.json()["status"] == "pending":
                if self._poll(purchase, clients, where, deadline):
                    return where
            elif response.status in (200, 201, 409):
                return where
            elif response.status in (429, 502, 503, 504):
                if response.status in (429, 503) and response.header("Retry-After") is None:
                    self.violations.append(f"no Retry-After: {response!r}")
                where = (where + 1) % len(clients)
                time.sleep(0.1)
            else:
                self.violations.append(f"{purchase.customer}: {response!r}")
                return where
        return where

    def _poll(self, purchase, clients, where, deadline):
        """True: final. False: Redis has forgotten it, the key has to be sent again."""
        order_id = next(iter(purchase.ids))
        while time.monotonic() < deadline:
            try:
                response = clients[where].get(f"/v1/orders/{order_id}", self.cluster.bearer(purchase.customer))
            except (OSError, http.client.HTTPException):
                where = (where + 1) % len(clients)
                time.sleep(0.05)
                continue
            if response.status == 200 and response.json()["status"] != "pending":
                purchase.outcome = response.json()["status"]
                purchase.reason = response.json().get("reason", "")
                return True
            if response.status == 404:
                if not self._redis_may_forget:
                    self.violations.append(f"{purchase.customer}: a taken order was forgotten: {response!r}")
                return False
            if response.status not in (200, 429, 502, 503, 504):
                self.violations.append(f"{purchase.customer}: poll: {response!r}")
                return True
            time.sleep(0.1)
        return True


def check_buyers(cluster, purchases, where=0, consistent_within_s=10):
    """Holds what buyers saw against what PostgreSQL and the audit say. Raises AssertionError with every breach.

    Of each sale in `purchases`, all buyers must be in `purchases`.
    """
    wrong = []
    by_sale = {}
    for purchase in purchases:
        by_sale.setdefault(purchase.sale, []).append(purchase)
    wrong += _ids_of_keys(purchases)
    for sale, seen in by_sale.items():
        audit = cluster.wait_consistent(sale, consistent_within_s, where)
        rows = cluster.query("SELECT order_id::text, customer_id, sku, quantity, status FROM order_units "
                             "WHERE sale_id = %s", (sale,))
        stock = {sku: (total, sold) for sku, total, sold in
                 cluster.query("SELECT sku, stock, sold FROM item_stock WHERE sale_id = %s", (sale,))}
        limits = {item["sku"]: item["limit_per_customer"]
                  for item in cluster.admin("GET", f"/admin/v1/sales/{sale}", where=where).json()["items"]}
        wrong += _stock_is_kept(sale, rows, stock, audit)
        wrong += _promises_are_kept(seen, rows)
        wrong += _limits_are_kept(rows, limits)
    if wrong:
        shown = "\n  ".join(wrong[:30])
        raise AssertionError(f"{len(wrong)} breaches:\n  {shown}")


_LIVE = ("confirmed", "awaiting_payment")


def _ids_of_keys(purchases):
    wrong = []
    owner_of = {}
    for purchase in purchases:
        if len(purchase.ids) > 1:
            wrong.append(f"one key, several orders: {purchase}")
        if purchase.statuses.count(201) > 1:
            wrong.append(f"one key was answered 201 more than once: {purchase}")
        for order_id in purchase.ids:
            other = owner_of.setdefault(order_id, (purchase.sale, purchase.customer, purchase.key))
            if other != (purchase.sale, purchase.customer, purchase.key):
                wrong.append(f"one order for two keys: {purchase} and {other}")
    return wrong


def _stock_is_kept(sale, rows, stock, audit):
    wrong = []
    live = {}
    seen_ids = set()
    for order_id, _customer, sku, quantity, status in rows:
        if (order_id, sku) in seen_ids:
            wrong.append(f"{sale}: order {order_id} is there twice")
        seen_ids.add((order_id, sku))
        if status in _LIVE:
            live[sku] = live.get(sku, 0) + quantity
    audited = {item["sku"]: item for item in audit["items"]}
    for sku, (total, sold) in stock.items():
        units = live.get(sku, 0)
        if units > total:
            wrong.append(f"{sale}/{sku}: OVERSOLD: {units} live units of {total}")
        if sold != units:
            wrong.append(f"{sale}/{sku}: sold is {sold}, live units are {units}")
        if audited.get(sku, {}).get("remaining") != total - units:
            wrong.append(f"{sale}/{sku}: stock {total}, live {units}, but the audit says {audited.get(sku)}")
    for sku in set(live) - set(stock):
        wrong.append(f"{sale}/{sku}: orders of an item that is not there")
    return wrong


def _promises_are_kept(seen, rows):
    wrong = []
    by_id = {}
    units_of = {}
    for order_id, customer, sku, quantity, status in rows:
        by_id[order_id] = (customer, sku, quantity, status)
        if status in _LIVE:
            units_of[customer] = units_of.get(customer, 0) + quantity
    expected, open_questions = {}, set()
    for purchase in seen:
        row = by_id.get(next(iter(purchase.ids))) if purchase.ids else None
        if purchase.promised or purchase.outcome in ("confirmed", "awaiting_payment", "cancelled", "rejected"):
            want = (purchase.customer, purchase.sku, purchase.quantity, purchase.outcome)
            if row is None:
                wrong.append(f"LOST: {purchase}")
            elif row != want:
                wrong.append(f"row {row} does not agree with {purchase}")
        if purchase.promised and purchase.outcome not in (*_LIVE, "cancelled"):
            wrong.append(f"a 201 was taken back: {purchase}")
        if purchase.taken and purchase.outcome == "unknown":
            wrong.append(f"a 202 without an end: {purchase}")
        if purchase.outcome in _LIVE:
            expected[purchase.customer] = expected.get(purchase.customer, 0) + purchase.quantity
        if purchase.outcome == "unknown":
            open_questions.add(purchase.customer)
    for customer in set(units_of) | set(expected):
        if customer not in open_questions and units_of.get(customer, 0) != expected.get(customer, 0):
            wrong.append(f"{customer} was told of {expected.get(customer, 0)} units and has "
                         f"{units_of.get(customer, 0)}")
    return wrong


def _limits_are_kept(rows, limits):
    bought = {}
    for _order_id, customer, sku, quantity, status in rows:
        if status in _LIVE:
            bought[customer, sku] = bought.get((customer, sku), 0) + quantity
    return [f"OVER THE LIMIT: {customer} has {units} of {sku}" for (customer, sku), units in bought.items()
            if limits.get(sku) and units > limits[sku]]


# --- test cases -----------------------------------------------------------------------------------------------------


class ClusterCase(unittest.TestCase):
    """A test class with a cluster of its own, shown with its logs' tails when a test fails."""

    instances = 1
    settings = {}
    own_postgres = False
    nginx = False
    cluster: Cluster

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(cls.instances, cls.settings, cls.own_postgres, cls.nginx)

    @property
    def ports(self):
        return self.cluster.ports

    @classmethod
    def tearDownClass(cls):
        cls.cluster.stop()

    def run(self, result=None):
        before = (len(result.failures) + len(result.errors)) if result is not None else 0
        super().run(result)
        if result is not None and len(result.failures) + len(result.errors) > before:
            print(f"\n=== logs at the failure of {self.id()}\n{self.cluster.log_tails()}\n===", file=sys.stderr)

    def check_status(self, response, status, problem=None):
        """Compares the status, and for a problem also its name and that the document is complete."""
        self.assertEqual(response.status, status, repr(response))
        if problem is None:
            return response
        self.assertEqual((response.header("Content-Type") or "").split(";")[0], "application/problem+json",
                         repr(response))
        document = response.json()
        self.assertEqual(document["type"], f"/problems/{problem}", repr(response))
        self.assertEqual(document["status"], status, repr(response))
        self.assertTrue(document["title"], repr(response))
        self.assertTrue(document["detail"], repr(response))
        return response

    def check_fresh(self, probe, since, what, timeout_s=5):
        """`probe()` gives (sent_at, is_new). No probe that was sent more than FRESH_MS after `since` may be old."""
        deadline = time.time() + timeout_s * SLOWNESS
        while True:
            sent_at, is_new = probe()
            age_ms = (sent_at - since) * 1000
            if is_new:
                return
            self.assertLessEqual(age_ms, FRESH_MS * SLOWNESS, f"{what}: still the old state after {age_ms:.0f} ms")
            self.assertLess(time.time(), deadline, what)
            time.sleep(0.005)


LOAD = pathlib.Path(BINARY).with_name("flashsale-load")


def load_command(cluster, **options):
    """`flashsale-load run` against all instances of a cluster; options as keywords, `_` for `-`, True for one without
    a value."""
    command = [LOAD, "run", "--url", ",".join(f"http://127.0.0.1:{port}" for port in cluster.ports),
               "--admin-url", f"http://127.0.0.1:{cluster.instances[0].admin_port}",
               "--admin-token", cluster.admin_token, "--jwt-secret", cluster.jwt_secret,
               "--jwt-issuer", JWT_ISSUER, "--jwt-audience", JWT_AUDIENCE, "--postgres-url", cluster.postgres_url]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}"] + ([] if value is True else [value])
    return [str(part) for part in command]


def numbered(count):
    """A queue of numbers for threads that share a piece of work."""
    numbers = queue.SimpleQueue()
    for number in range(count):
        numbers.put(number)
    return numbers
