"""flashsale-load against real servers: a mixed crowd whose check is green, and lies that it must find."""

import json
import pathlib
import subprocess
import tempfile
import unittest

import harness
from harness import SLOWNESS, ClusterCase

MIX = {"retry_share": 0.1, "duplicate_share": 0.1, "greedy_share": 0.05, "reader_share": 0.1, "cancel_share": 0.1,
       "respond_async_share": 0.1}


@unittest.skipUnless(harness.LOAD.exists(), "flashsale-load is not built in this tree")
class LoadTest(ClusterCase):
    own_postgres = True
    settings = {"rate_limit.enabled": False}

    def start(self, **options):
        return subprocess.Popen(harness.load_command(self.cluster, create_limit=2, **options), stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def run_load(self, **options):
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            with self.start(**options, json=out.name) as child:
                output = child.communicate(timeout=120 * SLOWNESS)[0]
            text = pathlib.Path(out.name).read_text(encoding="utf-8")
            return child.returncode, output, json.loads(text) if text else None

    def test_open_loop_of_a_mixed_crowd(self):
        code, output, result = self.run_load(**MIX, rate=1500, seconds=4, buyers=20_000, create_stock=100_000)
        self.assertEqual(code, 0, output)
        self.assertTrue(result["check"]["passed"], output)
        self.assertGreater(result["checkouts"]["created"], 500, output)
        self.assertGreater(result["checkouts"]["replayed"], 20, output)
        self.assertGreater(result["checkouts"]["refused_by_reason"].get("limit-exceeded", 0), 20, output)

    def test_closed_loop_that_sells_out(self):
        code, output, result = self.run_load(**MIX, connections=64, seconds=4, buyers=50_000, create_stock=1500)
        self.assertEqual(code, 0, output)
        self.assertGreaterEqual(result["checkouts"]["created"], 1000, output)
        self.assertGreater(result["checkouts"]["refused_by_reason"].get("sold-out", 0), 500, output)

    def test_an_order_that_is_lost_is_found(self):
        with self.start(rate=300, seconds=5, buyers=5000, create_stock=100_000) as child:
            def lose_one():
                return self.cluster.query("DELETE FROM orders WHERE order_id IN (SELECT order_id FROM orders LIMIT 1)"
                                          " RETURNING order_id")
            self.assertTrue(harness.wait_until(lose_one, 20 * SLOWNESS, "no order to lose"))
            output = child.communicate(timeout=120 * SLOWNESS)[0]
        self.assertEqual(child.returncode, 1, output)


if __name__ == "__main__":
    unittest.main()
