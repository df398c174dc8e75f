"""A Kafka of a test: one node in KRaft mode, run by the JRE from a folder of jars."""

import json
import os
import pathlib
import subprocess

from .ports import free_port
from .processes import Process
from .surroundings import ROOT, SLOWNESS, HarnessError
from .waiting import wait_until


class KafkaServer:
    """Durable and private, without topics that come by themselves."""

    def __init__(self, directory, jars):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.brokers = f"127.0.0.1:{free_port()}"
        self._java = ["java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*"]
        self._config = self.directory / "server.properties"
        controller = f"127.0.0.1:{free_port()}"
        self._config.write_text(
            (ROOT / "config" / "kafka" / "server.properties").read_text(encoding="utf-8") +
            f"controller.quorum.voters=1@{controller}\n"
            f"listeners=PLAINTEXT://{self.brokers},CONTROLLER://{controller}\n"
            f"advertised.listeners=PLAINTEXT://{self.brokers}\nlog.dirs={self.directory / 'data'}\n")
        done = subprocess.run([*self._java, "kafka.tools.StorageTool", "format", "-t", "flashsaleOfTests0000QQ", "-c",
                               self._config], capture_output=True, text=True, timeout=60 * SLOWNESS)
        if done.returncode != 0:
            raise HarnessError(f"Kafka's directory cannot be made: {done.stdout}{done.stderr}")
        self.process = None
        self.start()

    def start(self):
        self.process = Process(f"kafka:{self.brokers}", [*self._java, "kafka.Kafka", self._config],
                               self.directory / "kafka.log", cwd=self.directory)
        wait_until(self._answers, 60, f"Kafka at {self.brokers}: {self.process.log_tail()}", 0.2)

    def _answers(self):
        if self.process.exit_code is not None:
            raise HarnessError(f"Kafka ended with {self.process.exit_code}: {self.process.log_tail()}")
        return subprocess.run(["kcat", "-b", self.brokers, "-L", "-m", "1"], capture_output=True).returncode == 0

    def make_topic(self, name, partitions):
        done = subprocess.run([*self._java, "org.apache.kafka.tools.TopicCommand", "--bootstrap-server", self.brokers,
                               "--create", "--topic", name, "--partitions", str(partitions), "--replication-factor",
                               "1"], capture_output=True, text=True, timeout=60 * SLOWNESS)
        if done.returncode != 0:
            raise HarnessError(f"no topic {name}: {done.stdout}{done.stderr}")

    def kill(self):
        self.process.kill()

    def stop(self):
        self.process.end(timeout_s=30)


def write_topic(brokers, topic, records):
    """Records are pairs of key and payload, one line each."""
    lines = "".join(f"{key}\t{payload}\n" for key, payload in records)
    done = subprocess.run(["kcat", "-b", brokers, "-P", "-t", topic, "-K", "\t"], input=lines, text=True,
                          capture_output=True, timeout=60 * SLOWNESS)
    if done.returncode != 0:
        raise HarnessError(f"kcat: {done.stderr}")


def read_topic(brokers, topic):
    """All that was committed, each partition in order: kcat's JSON."""
    done = subprocess.run(["kcat", "-b", brokers, "-C", "-t", topic, "-e", "-q", "-J", "-o", "beginning",
                           "-X", "isolation.level=read_committed"], capture_output=True, text=True,
                          timeout=60 * SLOWNESS, env=os.environ | {"LC_ALL": "C.UTF-8"})
    if done.returncode != 0:
        raise HarnessError(f"kcat: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]
