"""PostgreSQL with a synchronous standby that is away: whose COMMIT waits is neither told nor forgotten, whoever breaks
the wait off, and no session is left over for each try."""

import collections
import contextlib
import threading
import time
import unittest

import psycopg2

import harness
from fault_case import FaultCase
from harness.payment_provider import PaymentProvider, make_secret
from scenario import stopped
from standby import ReplicatedPostgres

SECRET = make_secret()


class ReplicatedCluster(harness.Cluster):
    def _make_postgres(self):
        return ReplicatedPostgres(self.directory / "postgres")


class StandbyCase(FaultCase):
    settings = {"payments.webhook_secrets": SECRET, "admin.threads": 6}

    def setUp(self):
        """A failover leaves no standby behind."""
        self.cluster = ReplicatedCluster(self.instances, self.settings, own_postgres=True)
        self.addCleanup(self.cluster.stop)

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    @contextlib.contextmanager
    def standby_away(self):
        with stopped(*harness.process_tree(self.cluster.postgres.standby.process.pid)):
            yield

    def waiting_for_standby(self, act=""):
        """How many sessions do; `act` is done to each."""
        return len(self.cluster.query(f"SELECT pid {act} FROM pg_stat_activity WHERE wait_event = 'SyncRep'"))


class BrokenWaitTest(StandbyCase):
    """Whoever waits for the standby is told to stop, in the way that is named, until nobody does any more."""

    @contextlib.contextmanager
    def broken_waits(self, how):
        over = threading.Event()
        broken = []

        def break_all():
            while not over.wait(0.02):
                with contextlib.suppress(psycopg2.Error):
                    broken.append(self.waiting_for_standby(f", {how}(pid)"))

        thread = threading.Thread(target=break_all)
        thread.start()
        try:
            yield broken
        finally:
            over.set()
            thread.join()

    def check_nothing_is_lost(self, how):
        cluster = self.cluster
        sale = cluster.create_sale(stock=200)
        paid = cluster.create_sale(stock=200, payment="required", payment_window_s=600)
        provider = PaymentProvider(cluster, SECRET)
        customer = cluster.new_customer()
        to_cancel = self.check_status(cluster.buy(sale, customer, "cancelled"), 201).json()
        to_pay = self.check_status(cluster.buy(paid, customer, "paid"), 201).json()
        to_refund = self.check_status(cluster.buy(sale, customer, "refunded"), 201).json()
        stock = f"/admin/v1/sales/{sale}/items/sneaker-42/stock"
        calls = {
            "cancel": lambda client: cluster.cancel(to_cancel["id"], customer),
            "payment": lambda client: provider.send(provider.notice(to_pay), "m-paid", client=client),
            "refund": lambda client: provider.send(provider.notice(to_refund), "m-refund", client=client),
            "stock": lambda client: cluster.admin("POST", stock, {"add": 5}, headers={"Idempotency-Key": "add"}),
            "patch": lambda client: cluster.admin("PATCH", f"/admin/v1/sales/{paid}", {"name": "Renamed"}),
            "sale": lambda client: cluster.admin("POST", "/admin/v1/sales", harness.sale_definition("in-doubt")),
        }
        buyers = [cluster.new_customer() for _ in range(40)]

        def work(number, client):
            if number < len(calls):
                name = list(calls)[number]
                return name, calls[name](client).status
            buyer = buyers[number - len(calls)]
            return buyer, cluster.buy(sale, buyer, "k", client=client).status

        with self.standby_away(), self.broken_waits(how) as broken:
            answers = dict(harness.crowd(self.ports, len(calls) + len(buyers), work))
        self.assertGreater(sum(broken), 0, "nobody waited for the standby")
        statuses = collections.Counter(answers[buyer] for buyer in buyers)
        self.assertEqual(set(statuses), {202}, "an order was answered that stands on the primary alone")
        for name in calls:
            self.assertEqual(answers[name], 503, f"{name} was answered that stands on the primary alone")

    def test_cancelled(self):
        self.check_nothing_is_lost("pg_cancel_backend")

    def test_terminated(self):
        self.check_nothing_is_lost("pg_terminate_backend")

    def test_the_primary_is_lost_afterwards(self):
        cluster = self.cluster
        sale = cluster.create_sale(stock=200)
        self.check_status(cluster.buy(sale, cluster.new_customer()), 201)
        buyers = [cluster.new_customer() for _ in range(40)]

        def work(number, client):
            return cluster.buy(sale, buyers[number], "k", client=client)

        with self.standby_away():
            with self.broken_waits("pg_cancel_backend"):
                answers = harness.crowd(self.ports, len(buyers), work)
            cluster.postgres.lose_primary()
        cluster.postgres.promote()
        self.assertEqual({answer.status for answer in answers}, {202})
        for buyer, answer in zip(buyers, answers):
            final = cluster.wait_final(answer.json()["id"], buyer, timeout_s=30, may_be_unavailable=True)
            self.assertEqual(final["status"], "confirmed", answer)
        self.assertEqual(cluster.wait_consistent(sale)["items"][0]["sold"], 41)


class LongAbsenceTest(StandbyCase):
    def test_sessions_do_not_pile_up(self):
        """Each call that is cut while it waits leaves a backend behind, which does not notice; the next connection of
        the same session ends it."""
        cluster = self.cluster
        customer = cluster.new_customer()
        rounds, calls = 6, 4
        # Of sales of their own: who waits for an item's row is ended by a time-out.
        sales = [cluster.create_sale(stock=1000) for _ in range(rounds * calls)]
        orders = [self.check_status(cluster.buy(sale, customer), 201).json()["id"] for sale in sales]
        counts = []
        patient = [cluster.instances[0].client(60) for _ in range(calls)]
        with self.standby_away():
            for number in range(rounds):
                def work(n, client, first=number * calls):
                    if n < calls:
                        # Two at a time, each until its connection is cut.
                        return patient[n].request("POST", f"/v1/orders/{orders[first + n]}/cancel",
                                                  headers=cluster.bearer(customer)).status
                    return cluster.buy(sales[first + n % calls], cluster.new_customer(), client=client).status
                self.assertEqual(set(harness.crowd(self.ports, calls + 6, work)), {202, 503})
                counts.append(self.waiting_for_standby())
        # From the third round on no more: each session waits once, beside the backend that it is about to end.
        self.assertLessEqual(counts[-1], counts[2] + 4, counts)
        for sale in sales:
            cluster.wait_consistent(sale, timeout_s=20)


if __name__ == "__main__":
    unittest.main()
