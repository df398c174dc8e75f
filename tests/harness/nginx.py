"""NGINX in front of instances."""

import contextlib
import pathlib
import signal
import socket
import subprocess

from .client import Client
from .ports import free_port
from .processes import Process
from .surroundings import ROOT, HarnessError
from .waiting import wait_until


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
