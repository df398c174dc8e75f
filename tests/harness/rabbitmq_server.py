"""A RabbitMQ of a test."""

import os
import pathlib
import secrets
import signal
import subprocess

import pika

from .ports import free_port
from .processes import Process
from .surroundings import SLOWNESS, HarnessError
from .waiting import wait_until

USER = "flashsale"


def _scripts():
    found = sorted(pathlib.Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin"))
    if not found:
        raise HarnessError("rabbitmq-server is not installed")
    return found[-1]


class RabbitmqServer:
    """A durable private RabbitMQ, with an epmd of its own, since one that the node starts would outlive it. The
    password is there so that tests can look for it in the logs. `password`: that of definitions in `extra_config`."""

    def __init__(self, directory, extra_config="", password=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.password = password or secrets.token_hex(12)
        self.url = f"amqp://{USER}:{self.password}@127.0.0.1:{self.port}/"
        self._epmd_port = free_port()
        self._node = f"flashsale-{self.port}@localhost"
        config = self.directory / "rabbitmq.conf"
        config.write_text(f"default_user = {USER}\ndefault_pass = {self.password}\n"
                          f"{extra_config}\ndisk_free_limit.absolute = 50MB\n")
        (self.directory / "enabled_plugins").write_text("[].\n")
        (self.directory / "rabbitmq-env.conf").write_text("")
        self._environment = {
            "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.directory),
            "ERL_EPMD_PORT": str(self._epmd_port), "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RUNNING_UNDER_SYSTEMD": "1",  # the script becomes the node
            "RABBITMQ_NODENAME": self._node, "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port), "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONFIG_FILE": str(config), "RABBITMQ_CONF_ENV_FILE": str(self.directory / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "mnesia"), "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_LOGS": "-", "RABBITMQ_PID_FILE": str(self.directory / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
        }
        self.process = None
        self._epmd = Process(f"epmd:{self._epmd_port}", ["epmd", "-port", self._epmd_port, "-address", "127.0.0.1"],
                             self.directory / "epmd.log", env=self._environment)
        self.start()

    def start(self):
        self.process = Process(f"rabbitmq:{self.port}", [_scripts() / "rabbitmq-server"],
                               self.directory / "rabbitmq.log", env=self._environment, cwd=self.directory)
        wait_until(self._answers, 60, f"RabbitMQ on port {self.port}: {self.process.log_tail()}", 0.1)

    def _answers(self):
        if self.process.exit_code is not None:
            raise HarnessError(f"rabbitmq-server ended with {self.process.exit_code}: {self.process.log_tail()}")
        try:
            self.connect().close()
            return True
        except pika.exceptions.AMQPError:
            return False

    def connect(self):
        """A connection of pika's."""
        parameters = pika.URLParameters(self.url + "%2F?heartbeat=600&socket_timeout=5")
        return pika.BlockingConnection(parameters)

    def control(self, *arguments):
        """rabbitmqctl; what it says."""
        done = subprocess.run([_scripts() / "rabbitmqctl", "-q", *arguments], env=self._environment, text=True,
                              capture_output=True, timeout=60 * SLOWNESS, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise HarnessError(f"rabbitmqctl {arguments[0]}: {done.stdout}{done.stderr}")
        return done.stdout

    def set_memory_alarm(self, on):
        """With it, whoever publishes is blocked."""
        self.control("set_vm_memory_high_watermark", "0.00001" if on else "0.4")

    def set_disk_alarm(self, on):
        """With it, too: no disk has so much room."""
        self.control("set_disk_free_limit", "1000000GB" if on else "1MB")

    def close_connections(self):
        """Of instances, as an operator does it."""
        self.control("close_all_connections", "closed by a test")

    def kill(self):
        self.process.kill()

    def pause(self):
        self.process.send(signal.SIGSTOP)

    def resume(self):
        self.process.send(signal.SIGCONT)

    def stop(self):
        if self.process is not None:
            self.resume()
            self.process.end(timeout_s=30)
        self._epmd.end()
