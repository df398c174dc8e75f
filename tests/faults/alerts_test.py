"""Each alert of config/prometheus fires by the fault that it is for, with a real Prometheus and a real Alertmanager,
and is over when the fault is. How they behave over longer times is in tests/prometheus/alerts.test.yml."""

import contextlib
import socket
import threading
import time
import unittest

import psycopg2
import yaml

from harness import ROOT, ClusterCase, EventEndpoint, wait_until
from harness.payment_provider import PaymentProvider, make_secret
from harness.prometheus_server import Alertmanager, PrometheusServer
from harness.trace_collector import TraceCollector

SECRET = make_secret()
CONNECTIONS_MAX = 20
# The windows of a fault that goes on: its length, what it is looked at over, and what a busy machine adds.
FIRES_WITHIN_S = 150


def all_alerts():
    document = yaml.safe_load((ROOT / "config/prometheus/alerts.rules.yml").read_text())
    return {rule["alert"] for group in document["groups"] for rule in group["rules"]}


class AlertsTest(ClusterCase):
    own_postgres = True
    instances = 2
    settings = {"payments.webhook_secrets": SECRET, "rate_limit.enabled": "false", "checkout.wait_ms": 300,
                "checkout.in_flight_max": 32, "events.webhooks.allow_private": True}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.addClassCleanup(cls.cluster.stop, check=False)
        cls.collector = TraceCollector()
        cls.addClassCleanup(cls.collector.stop)
        cls.small = cls.cluster.add_instance({"http.connections_max": CONNECTIONS_MAX, "tracing.enabled": True,
                                              "tracing.url": cls.collector.url, "tracing.keep_one_in": 1})
        cls.victim = cls.cluster.add_instance()
        folder = cls.cluster.directory / "prometheus"
        cls.alertmanager = Alertmanager(folder / "alertmanager")
        cls.addClassCleanup(cls.alertmanager.stop)
        cls.prometheus = PrometheusServer(
            folder, [f"127.0.0.1:{instance.admin_port}" for instance in cls.cluster.instances], cls.alertmanager)
        cls.addClassCleanup(cls.prometheus.stop)

    def firing(self):
        return {name for name, state, _ in self.prometheus.alerts() if state == "firing"}

    def wait_firing(self, *names):
        wait_until(lambda: set(names) <= self.firing(), FIRES_WITHIN_S, f"{names} do not all fire")
        self.fired.update(names)

    def wait_over(self, *names):
        wait_until(lambda: not set(names) & self.firing(), FIRES_WITHIN_S, f"{names} do not all end")

    @contextlib.contextmanager
    def going_on(self, work, pause_s):
        """Does the work again and again beside what the caller does."""
        ended = threading.Event()

        def run():
            while not ended.wait(pause_s):
                with contextlib.suppress(OSError, psycopg2.Error):
                    work()
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    # --- the faults ---

    def leave_a_sink_untold(self):
        endpoint = EventEndpoint(lambda event: 500)
        self.addCleanup(endpoint.stop)
        self.check_status(self.cluster.admin("POST", "/admin/v1/webhooks", {"url": endpoint.url}), 201)

    def pay_too_late(self):
        sale = self.cluster.create_sale(stock=1, payment="required", payment_window_s=1)
        late = self.cluster.new_customer()
        order = self.cluster.buy(sale, late).json()
        wait_until(lambda: self.cluster.buy(sale, self.cluster.new_customer()).status in (201, 202), 20,
                   "nothing expires")
        PaymentProvider(self.cluster, SECRET).pay(order)

    def change_a_number_in_redis(self, sale):
        key = next(self.cluster.redis.client.scan_iter(f"fs:{{{sale}}}:*:items"))
        field = next(name for name in self.cluster.redis.client.hkeys(key) if name.endswith(b":r"))
        self.cluster.redis.client.hincrby(key, field, 3)

    def lose_redis_again_and_again(self):
        for _ in range(12):
            self.cluster.redis.client.flushall()
            time.sleep(1)

    def nearly_fill_redis(self):
        used = self.cluster.redis.client.info("memory")["used_memory"]
        self.cluster.redis.client.config_set("maxmemory", int(used * 1.15))

    @contextlib.contextmanager
    def nobody_numbers(self):
        """Holds the leader's lock, as a session that hangs does."""
        with contextlib.closing(self.cluster.postgres.connect(self.cluster.database)) as session:
            session.autocommit = True
            with session.cursor() as cursor:
                held = False
                while not held:
                    cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                                   " AND classid = 720453189 AND pid <> pg_backend_pid()")
                    cursor.execute("SELECT pg_try_advisory_lock(720453189, hashtext(current_schema()))")
                    held = cursor.fetchone()[0]
                yield

    @contextlib.contextmanager
    def one_leaves_no_events(self):
        """Is connected as an instance without events is, and as it came in when PostgreSQL had been away."""
        with contextlib.closing(self.cluster.postgres.connect(self.cluster.database)) as session:
            with session.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock_shared(720453190, hashtext(current_schema()))")
                yield

    def open_many_connections(self):
        for _ in range(CONNECTIONS_MAX * 2):
            self.sockets.append(socket.create_connection(("127.0.0.1", self.small.port), timeout=2))
        for each in self.sockets[:-CONNECTIONS_MAX]:
            each.close()
        del self.sockets[:-CONNECTIONS_MAX]

    def buy(self, sale):
        for _ in range(60):
            self.cluster.buy(sale, self.cluster.new_customer(), client=self.cluster.client(0))

    # --- the evening ---

    def test_each_alert_fires_by_its_fault(self):
        self.fired = set()
        self.sockets = []
        sale = self.cluster.create_sale(stock=1_000_000)
        wait_until(lambda: self.prometheus.value("count(flashsale_build_info)") == 4, 30, "not all are scraped")
        self.assertEqual(self.firing(), set())

        self.leave_a_sink_untold()
        self.pay_too_late()
        # Each scrape is a request, and each of the small instance's requests is kept.
        self.collector.behave = lambda: 404
        self.wait_firing("FlashsaledPaymentsGoBack", "FlashsaledTracesLost")
        self.collector.behave = lambda: 200
        self.change_a_number_in_redis(sale)
        with self.going_on(lambda: self.buy(sale), 0.2):
            self.wait_firing("FlashsaledStoresApart")
        # What it uses moves with its clients' buffers.
        with self.going_on(self.nearly_fill_redis, 1):
            self.wait_firing("FlashsaledStoreNearLimit")
        self.cluster.redis.client.config_set("maxmemory", 0)
        self.lose_redis_again_and_again()
        self.wait_firing("FlashsaledRebuildStorm")
        with self.one_leaves_no_events(), self.nobody_numbers(), self.going_on(lambda: self.buy(sale), 1):
            self.wait_firing("FlashsaledEventsUnnumbered", "FlashsaledEventsDisagree")
        with self.going_on(self.open_many_connections, 0.5):
            self.victim.kill()
            self.wait_firing("FlashsaledDown", "FlashsaledTurnsConnectionsAway", "FlashsaledEventsLag")
        self.wait_over("FlashsaledEventsUnnumbered", "FlashsaledEventsDisagree", "FlashsaledStoreNearLimit")

        with self.going_on(lambda: self.buy(sale), 0.1):
            self.cluster.postgres.pause()
            try:
                self.wait_firing("FlashsaledUnready", "FlashsaledNobodySells", "FlashsaledSheds",
                                 "FlashsaledPendingLogOld", "FlashsaledBudgetBurnsFast", "FlashsaledBudgetBurns")
                # The part that is gone is told of; what it breaks is held back.
                wait_until(lambda: "FlashsaledNobodySells" in self.alertmanager.alerts(), 60,
                           "Alertmanager is not told")
                wait_until(lambda: not {"FlashsaledSheds", "FlashsaledBudgetBurnsFast"} &
                           set(self.alertmanager.alerts()), 60, "what follows is told as well")
            finally:
                self.cluster.postgres.resume()
        for each in self.sockets:
            each.close()
        self.victim.start()
        self.wait_over("FlashsaledDown", "FlashsaledUnready", "FlashsaledPendingLogOld", "FlashsaledSheds")
        self.assertEqual(self.fired, all_alerts())


if __name__ == "__main__":
    unittest.main()
