"""`flashsale-load events`: what was told of orders is held against what their buyers were told; each kind of loss is
found."""

import contextlib
import subprocess
import tempfile
import unittest

import harness
from harness import LOAD, SLOWNESS, ClusterCase
from harness.event_history import EventHistory, OrderList
from harness.rabbitmq_server import RabbitmqServer

CONFIRMED, CANCELLED = "flashsale.order.confirmed", "flashsale.order.cancelled"


class HistoryTest(unittest.TestCase):
    def history(self, *changes, is_whole=True):
        history = EventHistory(is_whole)
        for event_id, event_type, position in changes:
            history.add(event_id, event_type, position, "sale")
        return history

    def orders(self, *lines):
        with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:
            file.write("\n".join(("sale", *lines)) + "\n")
            file.flush()
            return OrderList(file.name)

    def test_all_well_and_a_repeat(self):
        history = self.history(("a/1", CONFIRMED, 1), ("b/1", CONFIRMED, 2), ("a/1", CONFIRMED, 1),
                               ("a/2", CANCELLED, 3))
        self.assertEqual(([], 3, 1, 0), (history.faults(), history.events, history.repeats, history.gaps))
        lost = self.orders("a told cancelled", "b accepted", "c open").compare(history)
        self.assertEqual({0}, {findings.count for findings in lost.values()})

    def test_a_gap(self):
        self.assertEqual(1, self.history(("a/1", CONFIRMED, 1), ("b/1", CONFIRMED, 3)).gaps)
        self.assertEqual(1, self.history(("b/1", CONFIRMED, 2)).gaps)
        self.assertEqual(0, self.history(("b/1", CONFIRMED, 2), is_whole=False).gaps)

    def test_disorder(self):
        self.assertEqual(2, self.history(("a/2", CANCELLED, 2), ("a/1", CONFIRMED, 1)).disorder.count)
        self.assertEqual(1, self.history(("a/1", CONFIRMED, 1), ("a/3", CANCELLED, 2)).disorder.count)
        late = self.history(("a/3", CANCELLED, 7), ("a/2", CONFIRMED, 6), is_whole=False)
        self.assertEqual(["a/2 behind 3"], late.disorder.samples)

    def test_a_repeat_that_is_another(self):
        self.assertEqual(1, self.history(("a/1", CONFIRMED, 1), ("a/1", CONFIRMED, 2)).changed.count)

    def test_each_loss(self):
        history = self.history(("a/1", CONFIRMED, 1), ("x/1", CONFIRMED, 2))
        lost = self.orders("a told cancelled", "b told", "c accepted", "d open").compare(history)
        self.assertEqual({"told without event": ["b"], "accepted without event": ["c"],
                          "cancelled without event": ["a"], "event without buyer": ["x"]},
                         {name: findings.samples for name, findings in lost.items()})
        lost = self.orders("c accepted").compare(history, accepted_may_be_lost=True)
        self.assertEqual(0, lost["accepted without event"].count)


class CommandTest(ClusterCase):
    @classmethod
    def setUpClass(cls):
        cls.broker = RabbitmqServer(harness.run_directory() / "rabbitmq-told")
        cls.settings = {"events.rabbitmq.url": cls.broker.url, "rate_limit.enabled": False}
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.broker.stop()

    def command(self, orders, *more):
        instance = self.cluster.instances[0]
        return [str(part) for part in (LOAD, "events", "--orders", orders, "--admin-url",
                                       f"http://127.0.0.1:{instance.admin_port}", "--admin-token",
                                       self.cluster.admin_token, "--quiet-s", 3 * SLOWNESS, *more)]

    def test_a_run_is_told_whole_and_a_loss_is_seen(self):
        orders = self.cluster.directory / "orders"
        with subprocess.Popen(self.command(orders, "--rabbitmq-url", self.broker.url), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True) as reader:
            try:
                def has_queue():
                    with contextlib.suppress(harness.HarnessError):
                        return "flashsale.reader" in self.broker.control("list_queues", "name")
                harness.wait_until(has_queue, 30, "the reader makes no queue", 0.2)
                load = subprocess.run(harness.load_command(
                    self.cluster, rate=200, seconds=3, buyers=2000, create_stock=400, create_limit=2, cancel_share=0.2,
                    respond_async_share=0.2, orders=orders), capture_output=True, text=True, timeout=60 * SLOWNESS)
                self.assertEqual(0, load.returncode, load.stdout + load.stderr)
                output, _ = reader.communicate(timeout=60 * SLOWNESS)
            finally:
                reader.kill()
        self.assertEqual(0, reader.returncode, output)
        self.assertIn("events: nothing is lost", output)
        for name in ("feed", "rabbitmq"):
            self.assertIn(f"{name}: told without event: 0\n", output)

        # A lie in the file is as good as a lost event: an order that nobody told of, and one that nobody bought.
        lines = orders.read_text(encoding="ascii").splitlines()
        told = [number for number, line in enumerate(lines) if line.endswith(" told")]
        lost, lines[told[0]] = lines[told[0]].split()[0], "0" * 8 + lines[told[0]][8:]
        orders.write_text("\n".join(lines) + "\n", encoding="ascii")
        done = subprocess.run(self.command(orders), capture_output=True, text=True, timeout=60 * SLOWNESS)
        self.assertEqual(1, done.returncode, done.stdout + done.stderr)
        self.assertIn("feed: told without event: 1 ['00000000", done.stdout)
        self.assertIn(f"feed: event without buyer: 1 ['{lost}']", done.stdout)

    def test_what_cannot_be_found_out_is_no_success(self):
        done = subprocess.run(self.command("/nowhere/orders", "--wait-s", "0.1"), capture_output=True, text=True,
                              timeout=60 * SLOWNESS)
        self.assertEqual(2, done.returncode, done.stdout + done.stderr)
        self.assertIn("there is no /nowhere/orders", done.stderr)


if __name__ == "__main__":
    unittest.main()
