"""A Redis of a test."""

import os
import pathlib
import re
import secrets
import signal
import subprocess

import redis as redis_py

from .ports import free_port
from .processes import Process
from .surroundings import ROOT, HarnessError
from .waiting import wait_until


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
