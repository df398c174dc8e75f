"""A real Prometheus beside a real sale: every panel of a dashboard shows something, and its sums are the report's."""

import json
import subprocess
import threading
import time
import unittest

import harness
from harness import ROOT, ClusterCase, EventEndpoint, Process, item_definition, wait_until
from harness.payment_provider import PaymentProvider, make_secret
from harness.prometheus_server import PrometheusServer
from harness.trace_collector import TraceCollector

SECRET = make_secret()
# What Grafana fills in; the interval holds several scrapes.
VARIABLES = {"$__rate_interval": "20s", "$sale": ".*", "$instance": ".*"}


def targets():
    for path in sorted((ROOT / "config/grafana/dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}", target


def panels():
    return [(place, target["expr"]) for place, target in targets()]


def filled_in(expression):
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


class PrometheusTest(ClusterCase):
    instances = 2

    @classmethod
    def setUpClass(cls):
        cls.collector = TraceCollector()
        cls.addClassCleanup(cls.collector.stop)
        cls.settings = {"payments.webhook_secrets": SECRET, "rate_limit.enabled": "false",
                        "events.webhooks.allow_private": True, "tracing.enabled": True,
                        "tracing.url": cls.collector.url, "tracing.keep_one_in": 4}
        super().setUpClass()
        cls.addClassCleanup(cls.cluster.stop, check=False)
        cls.provider = PaymentProvider(cls.cluster, SECRET)
        cls.endpoint = EventEndpoint()
        cls.addClassCleanup(cls.endpoint.stop)
        cls.cluster.admin("POST", "/admin/v1/webhooks", {"url": cls.endpoint.url})
        insight = cls.start_insight()
        cls.prometheus = PrometheusServer(cls.cluster.directory / "prometheus",
                                          [f"127.0.0.1:{instance.admin_port}" for instance in cls.cluster.instances],
                                          insight=[insight])
        cls.addClassCleanup(cls.prometheus.stop)

    @classmethod
    def start_insight(cls):
        """Where it listens."""
        listen = f"127.0.0.1:{harness.free_port()}"
        url = f"http://127.0.0.1:{cls.cluster.instances[0].admin_port}"
        process = Process("insight", [harness.BINARY, "insight", "--url", url, "--listen", listen],
                          cls.cluster.directory / "insight.log",
                          env=harness.clean_environment() | {"FLASHSALE_ADMIN_TOKEN": cls.cluster.admin_token})
        cls.addClassCleanup(process.end)
        return listen

    def metrics(self, where=0):
        return self.cluster.instances[where].admin("GET", "/metrics").body.decode()

    def sell(self, sale, ended):
        """As a crowd does it: some pay, some cancel, some ask for more than there is."""
        def buy(where):
            client = self.cluster.client(where)
            number = 0
            while not ended.is_set():
                number += 1
                customer = self.cluster.new_customer()
                order = self.cluster.buy(sale, customer, sku=f"sku-{number % 2}", client=client)
                self.assertIn(order.status, (201, 202, 409))
                self.cluster.buy(sale, customer, sku="sold-out", client=client)
                if order.status != 409 and number % 2 == 0:
                    self.provider.pay(order.json())
                elif order.status != 409 and number % 5 == 0:
                    self.cluster.cancel(order.json()["id"], customer)
                time.sleep(0.02)
        threads = [threading.Thread(target=buy, args=(where,)) for where in (0, 1)]
        for thread in threads:
            thread.start()
        return threads

    def test_every_panel_shows_a_sale_and_sums_agree_with_its_report(self):
        sale = self.cluster.create_sale(payment="required", items=[
            item_definition(sku="sku-0", stock=5000), item_definition(sku="sku-1", stock=5000),
            item_definition(sku="sold-out", stock=1)])
        ended = threading.Event()
        threads = self.sell(sale, ended)
        try:
            empty = {}

            def all_show_something():
                empty.clear()
                for place, expression in panels():
                    if not self.prometheus.query(filled_in(expression)):
                        empty[place] = expression
                return not empty
            try:
                wait_until(all_show_something, 60, "panels stay empty")
            except harness.HarnessError:
                self.fail(f"empty panels: {empty}")
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        self.check_sums(sale)
        self.check_exemplars()

    def check_exemplars(self):
        """Each panel that is to lead to traces does, and to such as were sent."""
        leading = [(place, filled_in(target["expr"])) for place, target in targets() if target.get("exemplar")]
        self.assertTrue(leading)
        for place, expression in leading:
            with self.subTest(place):
                found = {trace_id for _, trace_id, _ in self.prometheus.exemplars(expression)}
                self.assertTrue(found)
                wait_until(lambda told=found: told <= {span.trace_id for span in self.collector.spans()}, 20,
                           "they lead to traces that nobody has")

    def check_sums(self, sale):
        self.cluster.wait_consistent(sale)
        # Each instance adds its refusals once a second.
        time.sleep(2.5)
        report = self.check_status(self.cluster.admin("GET", f"/admin/v1/sales/{sale}/report"), 200).json()
        stock = f'sum(sku:flashsale_item_stock_units:max{{sale="{sale}"}})'
        left = f'sum(sku:flashsale_item_remaining_units:max{{sale="{sale}"}})'
        totals = report["totals"]
        wait_until(lambda: self.prometheus.value(f"{stock} - {left}") == totals["sold"], 10,
                   "units that are taken are not those of the report")
        taken = f'sum(flashsale_insight_taken_units{{sale="{sale}"}})'
        wait_until(lambda: self.prometheus.value(taken) == totals["sold"], 20, "events do not tell of the same units")
        written = self.prometheus.value('sum(flashsale_orders_written_total{outcome="committed"})')
        self.assertEqual(written, sum(totals["orders"].values()), report)
        refused = self.prometheus.value('sum(flashsale_reservations_total{outcome="sold_out"})')
        self.assertGreater(refused, 0)
        self.assertEqual(refused, report["refusals"]["sold_out"])

    def test_promtool_finds_nothing_to_say_of_the_metrics(self):
        checked = subprocess.run(["promtool", "check", "metrics"], input=self.metrics(), text=True,
                                 capture_output=True, timeout=30, check=False)
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))

    def test_series_stay_few_whatever_is_asked_for(self):
        before = len(self.metrics().splitlines())
        client = self.cluster.client()
        for number in range(300):
            client.get(f"/v1/sales/none-{number}")
            client.get(f"/nowhere/{number}")
            client.request("POST", f"/v1/orders/{number}/cancel")
        self.assertLess(len(self.metrics().splitlines()), before + 120)


if __name__ == "__main__":
    unittest.main()
