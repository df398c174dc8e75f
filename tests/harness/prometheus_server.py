"""A Prometheus and an Alertmanager of a test, with the project's rules."""

import json
import pathlib
import shutil
import time
import urllib.parse
import urllib.request

import yaml

from .ports import free_port
from .processes import Process
from .surroundings import ROOT, SLOWNESS, HarnessError
from .waiting import wait_until

CONFIG = ROOT / "config/prometheus"


def _get(port, path, **parameters):
    query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}{query}", timeout=10 * SLOWNESS) as response:
        return json.load(response)


def _answers(process, port):
    def answers():
        if process.exit_code is not None:
            raise HarnessError(f"{process.name} ended with {process.exit_code}: {process.log_tail()}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=2):
                return True
        except OSError:
            return False
    return answers


class Alertmanager:
    def __init__(self, directory):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process = Process("alertmanager", [
            "prometheus-alertmanager", f"--config.file={CONFIG / 'alertmanager.yml'}",
            f"--storage.path={directory / 'data'}", f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address="], directory / "alertmanager.log", cwd=directory)
        wait_until(_answers(self.process, self.port), 30, "Alertmanager does not get ready")

    def alerts(self):
        """{name: its labels} of those that it holds for firing and not inhibited."""
        return {alert["labels"]["alertname"]: alert["labels"]
                for alert in _get(self.port, "/api/v2/alerts", active="true", silenced="false", inhibited="false")}

    def stop(self):
        self.process.end()


class PrometheusServer:
    """Scrapes every second, and evaluates the project's rules as often. `targets`: "127.0.0.1:port" of admin
    listeners; `insight`: of `flashsaled insight`."""

    SCRAPE_S = 1

    def __init__(self, directory, targets, alertmanager=None, insight=()):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        for rules in CONFIG.glob("*.rules.yml"):
            shutil.copy(rules, directory)
        config = yaml.safe_load((CONFIG / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": f"{self.SCRAPE_S}s", "scrape_timeout": f"{self.SCRAPE_S}s",
                            "evaluation_interval": f"{self.SCRAPE_S}s"}
        for job, scraped in zip(config["scrape_configs"], (targets, insight), strict=True):
            job["static_configs"] = [{"targets": list(scraped)}]
        if alertmanager is None:
            del config["alerting"]
        else:
            where = {"targets": [f"127.0.0.1:{alertmanager.port}"]}
            config["alerting"]["alertmanagers"] = [{"static_configs": [where]}]
        (directory / "prometheus.yml").write_text(yaml.safe_dump(config))
        self.port = free_port()
        self.process = Process("prometheus", [
            "prometheus", f"--config.file={directory / 'prometheus.yml'}", f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}", "--enable-feature=exemplar-storage"],
            directory / "prometheus.log", cwd=directory)
        wait_until(_answers(self.process, self.port), 30, "Prometheus does not get ready")

    def exemplars(self, expression):
        """[(labels of the series, trace's id, value)] of the last hour."""
        now = time.time()
        found = _get(self.port, "/api/v1/query_exemplars", query=expression, start=now - 3600, end=now + 60)["data"]
        return [(series["seriesLabels"], one["labels"]["trace_id"], float(one["value"]))
                for series in found for one in series["exemplars"]]

    def query(self, expression):
        """[(labels, value)] at this moment."""
        answer = _get(self.port, "/api/v1/query", query=expression)
        if answer["status"] != "success":
            raise HarnessError(f"{expression}: {answer}")
        return [(series["metric"], float(series["value"][1])) for series in answer["data"]["result"]]

    def value(self, expression):
        """Of the one series that there is; None: there is none."""
        found = self.query(expression)
        if len(found) > 1:
            raise HarnessError(f"{expression}: {found}")
        return found[0][1] if found else None

    def alerts(self):
        """[(name, state, labels)]: pending and firing ones."""
        return [(alert["labels"]["alertname"], alert["state"], alert["labels"])
                for alert in _get(self.port, "/api/v1/alerts")["data"]["alerts"]]

    def stop(self):
        self.process.end()
