"""One instance of the binary that is tested."""

import contextlib
import http.client
import signal

from .client import Client
from .flashsaled import clean_environment, setting_environment
from .ports import free_port
from .processes import Process
from .surroundings import BINARY, HarnessError
from .waiting import wait_until


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
