"""`flashsaled insight`: what it counts from the feed is what PostgreSQL sums, however often either is killed."""

import contextlib
import json
import random
import signal
import subprocess
import unittest

import harness
from harness import Client, ClusterCase, Process, clean_environment, free_port, item_definition, wait_until
from harness.order_sums import WINDOW_COLUMNS, origin_sums, status_sums, told_origins, wait_numbered, window_sums
from harness.payment_provider import PaymentProvider, make_secret

SECRET = make_secret()


class InsightCase(ClusterCase):
    settings = {"payments.webhook_secrets": SECRET, "events.origin_key": "k" * 32}

    def setUp(self):
        super().setUp()
        self.state = self.cluster.directory / f"insight-{self.id().rpartition('.')[2]}.json"
        self.token_file = self.cluster.directory / "insight-token"
        self.token_file.write_text(self.cluster.admin_token + "\n")
        self.environment = clean_environment() | {"FLASHSALE_ADMIN_TOKEN_FILE": str(self.token_file)}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.cluster.instances[0].admin_port}"

    def once(self, *arguments, status=0, **environment):
        """The figures; with another status: what it says."""
        done = subprocess.run([harness.BINARY, "insight", "--once", "--url", self.url, *arguments], text=True,
                              capture_output=True, timeout=60 * harness.SLOWNESS, env=self.environment | environment)
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout) if status == 0 else done.stderr

    def follow(self):
        """One that stays, with a state."""
        process = Process("insight", [harness.BINARY, "insight", "--url", self.url, "--state", self.state, "--listen",
                                      f"127.0.0.1:{self.port}"], self.cluster.directory / "insight.log",
                          env=self.environment)
        self.addCleanup(process.kill)
        return process

    def metrics(self):
        """{line up to its value: value}; empty while nobody answers."""
        with contextlib.suppress(OSError), contextlib.closing(Client(self.port, timeout_s=5)) as client:
            lines = client.get("/metrics").body.decode().splitlines()
            return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)
                    if name.startswith("flashsale_insight")}
        return {}

    def wait_read(self):
        """Until the follower has counted all there is."""
        last = wait_numbered(self.cluster)
        wait_until(lambda: self.metrics().get("flashsale_insight_position") == last, 30, "not all is read", 0.1)
        return last

    def check_sums(self, figures):
        """Against PostgreSQL's: each status of each sale and item, and each window of each width."""
        self.assertTrue(figures["is_whole"])
        told = {(row["sale_id"], row["sku"], row["currency"], row["status"]):
                (row["orders"], row["units"], row["revenue"]) for row in figures["orders"]}
        self.assertEqual(told, status_sums(self.cluster))
        for width_s in (1, 10, 60):
            told = {(round(harness.unix_time(row["window_start"])), row["sale_id"], row["sku"], row["currency"]):
                    tuple(row[name] for name in WINDOW_COLUMNS)
                    for row in figures["windows"] if row["window_s"] == width_s}
            sums = window_sums(self.cluster, width_s)
            # Of the shortest only the last are kept.
            self.assertEqual(told, {key: sums[key] for key in sums if width_s > 1 or key in told})
            self.assertTrue(told)
        origins = origin_sums(self.cluster)
        self.assertEqual(told_origins(figures["shared_origins"]), origins)
        self.assertEqual({origin for _, origin, _ in origins}, {"address", "card"})
        stock = {(row["sale_id"], row["sku"]): (row["stock"], row["taken_units"]) for row in figures["items"]}
        self.assertEqual(stock, {row[:2]: row[2:] for row in self.cluster.query(
            "SELECT sale_id, sku, stock, sold FROM item_stock")})

    def make_sales(self):
        """One that is paid at once, with carts, and one that is to be paid, in another currency."""
        items = [item_definition("shoe", 500, amount=12_999), item_definition("hat", 500, amount=1_050)]
        return (self.cluster.create_sale(items=items),
                self.cluster.create_sale(items=[item_definition("dress", 500, amount=777, currency="USD")],
                                         payment="required", payment_attempts=1, payment_window_s=600))

    def trade(self, sales, rounds, seed):
        """Orders that are bought, cancelled, paid, declined, left, or expire."""
        paid_at_once, to_pay = sales
        chance = random.Random(seed)
        provider = PaymentProvider(self.cluster, SECRET)
        for number in range(rounds):
            customer = self.cluster.new_customer()
            address = {"X-Forwarded-For": f"192.0.2.{number % 3}"}
            card = {"card_fingerprint": f"fp_{number % 2}"}
            cart = {"lines": [{"sku": "hat", "quantity": 2}, {"sku": "shoe", "quantity": 1}]}
            bought = self.buy(paid_at_once, customer, body=cart if number % 3 == 0 else None, sku="shoe", quantity=2,
                              headers=address)
            if chance.random() < 0.3:
                self.check_status(self.cluster.cancel(bought["id"], customer), 200)
            order = self.buy(to_pay, customer, sku="dress", quantity=3, headers=address)
            fate = number % 5
            if fate in (0, 1, 2):
                self.check_status(provider.pay(order, **card), 200)
            if fate in (1, 3):
                self.check_status(self.cluster.cancel(order["id"], customer), 200)
            if fate == 4:
                self.check_status(provider.fail(order, **card), 200)
                if number % 2 == 0:
                    self.check_status(provider.pay(order, **card), 200)

    def buy(self, sale, customer, **order):
        return self.check_status(self.cluster.buy(sale, customer, **order), 201).json()


class SumsTest(InsightCase):
    def test_figures_are_those_of_postgresql(self):
        sales = self.make_sales()
        self.trade(sales, 30, seed=1)
        window = self.cluster.create_sale(items=[item_definition("bag", 50, amount=5, currency="JPY")],
                                          payment="required", payment_window_s=1)
        orders = [self.buy(window, self.cluster.new_customer(), sku="bag") for _ in range(3)]
        wait_until(lambda: self.cluster.query("SELECT count(*) FROM orders WHERE status = 4") == [(3,)], 20,
                   "orders do not expire")
        # A late payment buys what had expired.
        self.check_status(PaymentProvider(self.cluster, SECRET).pay(orders[0]), 200)
        wait_until(lambda: self.cluster.query("SELECT count(*) FROM orders WHERE status = 4") == [(2,)], 20,
                   "nothing was paid late")
        wait_numbered(self.cluster)
        figures = self.once()
        self.check_sums(figures)
        self.assertEqual((figures["unknown"], figures["unreadable"], figures["repeated"]), (0, 0, 0))
        self.assertEqual({row["currency"] for row in figures["orders"]}, {"EUR", "USD", "JPY"})
        most = self.cluster.query("SELECT max(units) FROM (SELECT sum(quantity) AS units FROM order_units"
                                  " WHERE status = 'confirmed' GROUP BY customer_id) AS customers")[0][0]
        self.assertGreaterEqual(figures["buyers"][0]["units"], most)

    def test_it_goes_on_from_its_state(self):
        sales = self.make_sales()
        self.trade(sales, 5, seed=2)
        wait_numbered(self.cluster)
        first = self.once("--state", self.state)
        self.assertEqual(self.state.stat().st_mode & 0o777, 0o600)
        self.trade(sales, 5, seed=3)
        wait_numbered(self.cluster)
        second = self.once("--state", self.state)
        self.assertGreater(second["position"], first["position"])
        self.assertEqual(second["repeated"], 0)
        self.check_sums(second)
        # Where to begin is for one that has no state.
        # Orders may have expired meanwhile.
        third = self.once("--state", self.state, "--after", "3")
        self.assertEqual(third["position"] - third["events"], second["position"] - second["events"])
        self.assertFalse(self.once("--after", "3")["is_whole"])

    def test_it_says_why_it_cannot_read(self):
        self.assertIn("answered 401", self.once(status=1, FLASHSALE_ADMIN_TOKEN="x" * 24))
        self.assertIn("has no token", self.once(status=2, FLASHSALE_ADMIN_TOKEN=""))
        self.url = f"http://127.0.0.1:{free_port()}"
        self.assertIn("the feed: ", self.once(status=1))
        self.state.write_text("{}")
        self.assertIn("holds no figures", self.once("--state", self.state, status=2))


class CrashTest(InsightCase):
    def test_nothing_is_lost_or_counted_twice_whoever_dies(self):
        sales = self.make_sales()
        follower = self.follow()
        self.trade(sales, 8, seed=4)
        self.wait_read()
        for number in range(3):
            follower.kill()
            self.trade(sales, 4, seed=5 + number)
            follower = self.follow()
            self.trade(sales, 4, seed=50 + number)
        instance = self.cluster.instances[0]
        instance.kill()
        wait_until(lambda: self.metrics().get("flashsale_insight_failures_total", 0) > 0, 20, "no failure is counted")
        instance.start()
        self.trade(sales, 4, seed=9)
        self.wait_read()
        metrics = self.metrics()
        for (sale, sku, currency, status), sums in status_sums(self.cluster).items():
            if sku is None:
                labels = f'{{currency="{currency}",sale="{sale}",status="{status}"}}'
                self.assertEqual((metrics[f"flashsale_insight_orders{labels}"],
                                  metrics[f"flashsale_insight_revenue{labels}"]), (sums[0], sums[2]), labels)
        self.assertEqual(metrics['flashsale_insight_events_total{outcome="unknown"}'], 0)
        for origin in ("address", "card"):
            shared = [customers for (_, kind, _), (_, customers) in origin_sums(self.cluster).items() if kind == origin]
            self.assertEqual(metrics[f'flashsale_insight_origin_customers_max{{origin="{origin}"}}'], max(shared))
        follower.send(signal.SIGTERM)
        self.assertEqual(follower.wait(10), 0, follower.log_tail())
        state = json.loads(self.state.read_text())
        self.assertEqual(state["position"], wait_numbered(self.cluster))
        figures = self.once("--state", self.state)
        self.check_sums(figures)
        self.assertEqual(figures["orders"], self.once()["orders"])
        self.assertNotIn(self.cluster.admin_token, follower.log_text())

    def test_what_has_not_changed_is_not_written_anew(self):
        self.follow()
        last = self.wait_read()
        wait_until(lambda: json.loads(self.state.read_text())["position"] == last, 20, "the state is not written", 0.1)
        written = self.state.stat()
        name = "flashsale_insight_answered_timestamp_seconds"
        for _ in range(2):
            before = self.metrics()[name]
            wait_until(lambda: self.metrics().get(name, 0) > before, 20, "the feed is not asked again", 0.1)
        now = self.state.stat()
        self.assertEqual((now.st_ino, now.st_mtime_ns), (written.st_ino, written.st_mtime_ns))

    def test_a_token_that_was_replaced_is_read_again(self):
        follower = self.follow()
        self.wait_read()
        fresh = "n" * 32
        self.cluster.write_admin_tokens({harness.ADMIN_NAME: fresh})
        instance = self.cluster.instances[0].process
        instance.send(signal.SIGHUP)
        wait_until(lambda: "settings read again" in instance.log_text(), 10, "the tokens are not read again")
        self.token_file.write_text(fresh)
        self.cluster.admin_token = fresh
        self.make_sales()
        self.wait_read()
        self.assertIsNone(follower.exit_code)


if __name__ == "__main__":
    unittest.main()
