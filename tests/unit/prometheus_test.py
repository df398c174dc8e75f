"""Holds config/prometheus/ with Prometheus's own tools, and to the program's metrics, the runbook and compose."""

import pathlib
import re
import shutil
import subprocess
import sys
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]

CONFIG = ROOT / "config/prometheus"
RULE_TESTS = ROOT / "tests/prometheus/alerts.test.yml"
METRIC = re.compile(r"\b((?:flashsale|http_server)_[a-z0-9_]+)")
RECORDING = re.compile(r"\b[a-z_]+:[a-z0-9_]+(?::[a-z0-9_]+)?\b")
OF_HISTOGRAM = re.compile(r"_(bucket|count|sum)$")


def rules_of(name):
    return [rule for group in yaml.safe_load((CONFIG / name).read_text())["groups"] for rule in group["rules"]]


ALERTS = rules_of("alerts.rules.yml")
RECORDINGS = rules_of("recording.rules.yml")


def metrics_of_the_program():
    names = set()
    for path in (ROOT / "src").rglob("*.cpp"):
        names.update(re.findall(r'"((?:flashsale|http_server)_[a-z0-9_]+)"', path.read_text()))
    return names


class PrometheusTest(unittest.TestCase):
    def run_tool(self, *command):
        if shutil.which(command[0]) is None:
            self.skipTest(f"{command[0]} is not installed")
        done = subprocess.run(command, cwd=CONFIG, capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_promtool_takes_the_configuration_and_its_rules(self):
        self.run_tool("promtool", "check", "config", "prometheus.yml")

    def test_amtool_takes_alertmanagers_configuration(self):
        self.run_tool("amtool", "check-config", "alertmanager.yml")

    def test_each_alert_fires_when_it_has_to_and_ends(self):
        self.run_tool("promtool", "test", "rules", str(RULE_TESTS))

    def test_the_dashboards_are_those_of_their_source(self):
        done = subprocess.run([sys.executable, str(ROOT / "scripts/dashboards"), "--check"], capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_dashboards_ask_for_metrics_that_there_are(self):
        known = metrics_of_the_program()
        recordings = {rule["record"] for rule in RECORDINGS}
        for path in (ROOT / "config/grafana/dashboards").glob("*.json"):
            for expression in re.findall(r'"(?:expr|definition)": "((?:[^"\\]|\\.)*)"', path.read_text()):
                with self.subTest(f"{path.name}: {expression}"):
                    self.assertLessEqual(set(RECORDING.findall(expression)), recordings)
                    for name in METRIC.findall(RECORDING.sub("", expression)):
                        self.assertIn(name if name in known else OF_HISTOGRAM.sub("", name), known)

    def test_what_is_scraped_runs_in_compose(self):
        services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
        document = yaml.safe_load((CONFIG / "prometheus.yml").read_text())
        scraped = document["scrape_configs"][0]["static_configs"][0]["targets"]
        called = document["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
        instances = {name for name in services if re.fullmatch(r"flashsaled-\d", name)}
        self.assertEqual({target.split(":")[0] for target in scraped}, instances)
        self.assertEqual({target.split(":")[1] for target in scraped}, {"8081"})
        self.assertEqual(called, ["alertmanager:9093"])

    def test_each_alert_is_played(self):
        fired = set()
        for test in yaml.safe_load(RULE_TESTS.read_text())["tests"]:
            fired.update(case["alertname"] for case in test.get("alert_rule_test", []) if case["exp_alerts"])
        self.assertEqual(fired, {rule["alert"] for rule in ALERTS})

    def test_each_alert_has_its_place_in_the_runbook(self):
        entries = {line[3:].lower() for line in (ROOT / "docs/runbook.md").read_text().splitlines()
                   if line.startswith("## ")}
        for rule in ALERTS:
            with self.subTest(rule["alert"]):
                place, entry = rule["annotations"]["runbook"].split("#")
                self.assertEqual(place, "docs/runbook.md")
                self.assertIn(entry, entries)
                self.assertIn(rule["labels"]["severity"], ("page", "ticket"))

    def test_rules_ask_for_metrics_that_the_program_has(self):
        known = metrics_of_the_program()
        for rule in ALERTS + RECORDINGS:
            for name in METRIC.findall(RECORDING.sub("", rule["expr"])):
                with self.subTest(name):
                    self.assertIn(name if name in known else OF_HISTOGRAM.sub("", name), known)

    def test_alerts_ask_for_recordings_that_there_are(self):
        known = {rule["record"] for rule in RECORDINGS}
        for rule in ALERTS + RECORDINGS:
            for name in RECORDING.findall(rule["expr"]):
                with self.subTest(name):
                    self.assertIn(name, known)


if __name__ == "__main__":
    unittest.main()
