"""What comes next in a sale: counted at two instances, told by both alike, by page, report and metrics."""

import contextlib
import json
import pathlib
import re
import subprocess
import tempfile
import unittest

import harness
from harness import SLOWNESS, ClusterCase, wait_until

SERIES = re.compile(r'^(flashsale_[a-z_]+)\{([^}]*)\} (\S+)$', re.MULTILINE)
TARGETS = {"next_1s", "next_10s", "next_60s", "peak_60s"}


class ForecastCase(ClusterCase):
    def forecast(self, sale, where=0):
        report = self.check_status(self.cluster.admin("GET", f"/admin/v1/sales/{sale}/report", where=where), 200).json()
        return report["forecast"]

    def series(self, name, where=0, **labels):
        """Values by labels."""
        text = self.cluster.instances[where].admin("GET", "/metrics").body.decode()
        found = {}
        for family, listed, value in SERIES.findall(text):
            have = dict(re.findall(r'(\w+)="([^"]*)"', listed))
            if family == name and labels.items() <= have.items():
                found[tuple(have.values())] = float(value)
        return found

    def checkouts_decided(self):
        return sum(sum(self.series("flashsale_reservations_total", where).values())
                   for where in range(len(self.cluster.instances)))

    def wait_counted(self, sale, checkouts, where=0):
        def counted():
            hindsight = self.forecast(sale, where)["hindsight"]
            return hindsight and hindsight["checkouts"] == checkouts and hindsight
        return wait_until(counted, 20, f"not {checkouts} checkouts are counted", interval_s=0.2)

    def close(self, sale):
        self.check_status(self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", {"state": "closed"}), 200)


class ForecastTest(ForecastCase):
    instances = 2
    settings = {"rate_limit.enabled": False}

    def load(self, sale, out, **options):
        command = harness.load_command(self.cluster, sale=sale, sku="sneaker-42", no_check=True, json=out, **options)
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def check_intervals(self, said):
        self.assertEqual(set(said), TARGETS)
        for name, interval in said.items():
            self.assertLessEqual(interval["low"], interval["middle"], name)
            self.assertLessEqual(interval["middle"], interval["high"], name)
        self.assertGreater(said["peak_60s"]["high"], 0)

    @unittest.skipUnless(harness.LOAD.exists(), "flashsale-load is not built in this tree")
    def test_a_crowd_at_two_instances_is_foretold_by_both(self):
        sale = self.cluster.create_sale(stock=1_000_000)
        for where in (0, 1):
            wait_until(lambda at=where: self.forecast(sale, at)["now"], 10, f"instance {where + 1} does not follow it")
            before = self.forecast(sale, where)
            self.assertIsNone(before["now"]["arrivals_a_second"], "nobody has come yet")
            self.assertEqual(before["now"]["sell_outs"], [{"sku": "sneaker-42", "in_s": None}])
            self.assertIsNone(before["hindsight"])
            self.assertEqual(self.series("flashsale_forecast_known", where, sale=sale), {(sale,): 0})
            self.assertEqual(self.series("flashsale_forecast_arrivals_per_second", where, sale=sale), {})
        decided = self.checkouts_decided()
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            with self.load(sale, out.name, rate=150, seconds=round(14 * SLOWNESS), buyers=50_000, retry_share=0.1,
                           greedy_share=0.1) as child:
                for where in (0, 1):
                    self.watch_forecast(sale, where)
                output = child.communicate(timeout=120 * SLOWNESS)[0]
            self.assertEqual(child.returncode, 0, output)
            result = json.loads(pathlib.Path(out.name).read_text(encoding="utf-8"))
        came = round(self.checkouts_decided() - decided)
        self.assertGreaterEqual(came, result["checkouts"]["created"])
        hindsight = self.wait_counted(sale, came)
        self.assertEqual(self.forecast(sale, 1)["hindsight"], hindsight)
        self.assertEqual(set(hindsight["intervals"]), TARGETS)
        self.assertGreater(hindsight["intervals"]["next_1s"]["told"], 5)
        self.close(sale)
        for where in (0, 1):
            wait_until(lambda at=where: self.forecast(sale, at)["now"] is None, 10, "it speaks of a closed sale")
            self.assertEqual(self.series("flashsale_forecast_known", where, sale=sale), {})
            self.assertEqual(self.series("flashsale_forecast_arrivals_per_second", where, sale=sale), {})
        self.assertEqual(self.forecast(sale)["hindsight"], hindsight)

    def watch_forecast(self, sale, where):
        now = wait_until(lambda: (said := self.forecast(sale, where)["now"]) and said["arrivals_a_second"] and said, 20,
                         f"instance {where + 1} says nothing")
        self.assertGreaterEqual(now["elapsed_s"], 3)
        self.check_intervals(now["arrivals_a_second"])
        sold_out = wait_until(lambda: self.forecast(sale, where)["now"]["sell_outs"][0]["in_s"], 20,
                              "nothing is said of the item")
        self.assertIsNone(sold_out["expected"], "a million units do not go in a minute")
        told = wait_until(lambda: self.series("flashsale_forecast_arrivals_per_second", where, sale=sale), 10,
                          "no metric")
        self.assertEqual(len(told), 12)
        self.assertEqual(self.series("flashsale_forecast_known", where, sale=sale), {(sale,): 1})
        self.assertEqual(len(self.series("flashsale_forecast_sell_out_seconds", where, sale=sale)), 3)

    def test_each_run_of_a_rehearsal_has_its_curve(self):
        sale = self.cluster.create_sale(rehearsal=True, stock=100)
        for number in range(5):
            self.check_status(self.cluster.buy(sale, f"first-{number}", where=number % 2), 201)
        self.wait_counted(sale, 5)
        self.check_status(self.cluster.admin("POST", f"/admin/v1/sales/{sale}/reset"), 200)
        self.assertIsNone(self.forecast(sale)["hindsight"])
        wait_until(lambda: self.cluster.buy(sale, "second", "key").status in (200, 201), 15, "it does not sell again")
        wait_until(lambda: self.forecast(sale, 1)["hindsight"], 20, "nothing is counted")
        runs = self.cluster.query("SELECT sum(checkouts) FROM arrivals WHERE sale_no = %s GROUP BY reset_epoch"
                                  " ORDER BY reset_epoch", (self.cluster.sale_no(sale),))
        self.assertEqual(int(runs[0][0]), 5, "the run that is over keeps its curve, for the next")
        self.assertEqual(len(runs), 2)

    def test_refusals_and_repetitions_are_arrivals(self):
        sale = self.cluster.create_sale(stock=1)
        statuses = [self.cluster.buy(sale, "first", "key").status, self.cluster.buy(sale, "first", "key").status,
                    self.cluster.buy(sale, "second").status, self.cluster.buy(sale, "third", where=1).status]
        self.assertEqual(statuses, [201, 200, 409, 409])
        self.wait_counted(sale, 4)

    def test_no_buyer_waits_for_it_and_nothing_is_lost(self):
        sale = self.cluster.create_sale(stock=1000)
        self.check_status(self.cluster.buy(sale, "first"), 201)
        self.wait_counted(sale, 1)
        with contextlib.closing(self.cluster.postgres.connect(self.cluster.database)) as other:
            other.autocommit = False
            with other.cursor() as cursor:
                cursor.execute("LOCK TABLE arrivals IN ACCESS EXCLUSIVE MODE")
                for number in range(20):
                    self.check_status(self.cluster.buy(sale, f"buyer-{number}", where=number % 2), 201)
                for where in (0, 1):
                    # What was said is dropped when it is old.
                    wait_until(lambda at=where: not self.series("flashsale_forecast_known", at, sale=sale), 30,
                               "something is said of seconds that are not known", interval_s=0.2)
        self.wait_counted(sale, 21)
        wait_until(lambda: self.series("flashsale_forecast_known", sale=sale), 20, "it does not come back")


class NoForecastTest(ForecastCase):
    settings = {"forecast.enabled": False}

    def test_nothing_is_counted_or_said(self):
        sale = self.cluster.create_sale()
        for number in range(10):
            self.check_status(self.cluster.buy(sale, f"buyer-{number}"), 201)
        self.assertEqual(self.forecast(sale), {"now": None, "hindsight": None})
        self.assertEqual(self.series("flashsale_forecast_known"), {})
        self.cluster.instances[0].stop()
        self.assertEqual(self.cluster.query("SELECT count(*) FROM arrivals"), [(0,)])


if __name__ == "__main__":
    unittest.main()
