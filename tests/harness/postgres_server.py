"""A PostgreSQL of a test, and the one that clusters share."""

import contextlib
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import subprocess

import psycopg2
import psycopg2.extensions

from .directory import run_directory
from .flashsaled import migrate
from .ports import free_port
from .processes import Process, process_tree
from .surroundings import SERVE_ROLE, HarnessError
from .waiting import wait_until

_shared_postgres = None
_template_ready = False


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


def shared_postgres():
    global _shared_postgres
    if _shared_postgres is None:
        _shared_postgres = PostgresServer(run_directory() / "postgres")
    return _shared_postgres


def migrated_template(server):
    """The name of a database that `flashsaled migrate` has filled, for CREATE DATABASE … TEMPLATE."""
    global _template_ready
    if not _template_ready:
        server.execute("postgres", "CREATE DATABASE flashsale_template")
        migrate(server.url("flashsale_template"))
        _template_ready = True
    return "flashsale_template"
