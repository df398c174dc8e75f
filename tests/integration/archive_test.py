"""`flashsaled archive` moves the orders of past sales out of the way; everything about them can still be asked."""

import contextlib
import csv
import io
import random
import signal
import subprocess
import threading
import time
import unittest

import harness
from harness import ClusterCase, item_definition, wait_until
from harness.payment_provider import PaymentProvider, make_secret

SECRET = make_secret()
FAULTS_BINARY = harness.BINARY.parent / "tests" / "flashsaled-with-fault-points"


class ArchiveCase(ClusterCase):
    instances = 2
    settings = {"retention.redis_keep_s": 1, "payments.webhook_secrets": SECRET, "payments.patience_s": 3}

    def setUp(self):
        self.provider = PaymentProvider(self.cluster, SECRET)

    def close(self, sale):
        self.check_status(self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", {"state": "closed"}), 200)

    def let_go(self, *sales):
        for sale in sales:
            self.close(sale)
        for sale in sales:
            for where in range(self.instances):
                wait_until(lambda s=sale, w=where: self.cluster.admin("GET", f"/admin/v1/sales/{s}", where=w).json()
                           .get("let_go"), 20, "the sale is not let go", 0.1)
                # For a moment an instance still asks Redis, which has just let the sale go.
                sku = self.cluster.sale(sale, where)["items"][0]["sku"]
                wait_until(lambda s=sale, w=where, k=sku: self.cluster.buy(s, "late", sku=k, where=w).problem ==
                           "sale-not-open", 5, "an instance does not know")

    def archive(self, *arguments, status=0):
        result = self.cluster.flashsaled("archive", *arguments)
        self.assertEqual(result.returncode, status, (result.stdout, result.stderr))
        return result

    def archive_sale(self, sale, orders=None):
        output = self.archive("--sale", sale).stdout
        if orders is not None:
            self.assertEqual(output, f"{sale}: {orders} orders archived\n")

    def in_tables(self, sale):
        """How many orders of the sale stand in (orders, archived_orders)."""
        return self.cluster.query(
            "SELECT count(*) FILTER (WHERE NOT is_archived), count(*) FILTER (WHERE is_archived) FROM all_orders "
            "JOIN sales USING (sale_no) WHERE sale_id = %s", (sale,))[0]

    def fill(self, sale, count):
        """Rejected orders, so that no store misses their units."""
        self.cluster.insert_orders(sale, [f"customer-{n}" for n in range(1, count + 1)], 5, reason="sold_out")


class AskedTest(ArchiveCase):
    def past_sale(self, **members):
        """An archived sale with (order, customer, key) of two orders, the second one cancelled."""
        sale = self.cluster.create_sale(stock=9, **members)
        bought = []
        for key in ("k", "l"):
            customer = self.cluster.new_customer()
            order = self.check_status(self.cluster.buy(sale, customer, key, quantity=2), 201).json()
            if order["status"] == "awaiting_payment":
                self.assertEqual(self.provider.pay(order).json()["outcome"], "confirmed")
            bought.append((order, customer, key))
        self.check_status(self.cluster.cancel(bought[1][0]["id"], bought[1][1]), 200)
        self.let_go(sale)
        return sale, [(self.cluster.order(order["id"], customer).json(), customer, key)
                      for order, customer, key in bought]

    def report(self, sale):
        """Without what goes on: whoever comes is counted, and foretold."""
        report = self.check_status(self.cluster.admin("GET", f"/admin/v1/sales/{sale}/report"), 200).json()
        return {member: value for member, value in report.items() if member not in ("as_of", "refusals", "forecast")}

    def test_buyers_find_their_orders(self):
        sale, bought = self.past_sale()
        newer = self.cluster.create_sale()
        also = self.check_status(self.cluster.buy(newer, bought[0][1]), 201).json()
        self.archive_sale(sale, 2)
        for where in (0, 1):
            for order, customer, key in bought:
                self.assertEqual(self.check_status(self.cluster.order(order["id"], customer, where), 200).json(), order)
                self.check_status(self.cluster.order(order["id"], "somebody-else", where), 404, "unknown-order")
                replay = self.check_status(self.cluster.buy(sale, customer, key, quantity=2, where=where), 200)
                self.assertEqual(replay.header("Idempotency-Replayed"), "true")
                self.assertEqual(replay.json(), order)
                self.check_status(self.cluster.buy(sale, customer, key, quantity=1, where=where), 422,
                                  "idempotency-key-reused")
                self.check_status(self.cluster.buy(sale, customer, "another", where=where), 409, "sale-not-open")
            listed = {}
            for query in ("", f"?sale_id={sale}", f"?sale_id={newer}"):
                answer = self.cluster.client(where).get("/v1/orders" + query, self.cluster.bearer(bought[0][1]))
                listed[query] = self.check_status(answer, 200).json()["orders"]
            self.assertEqual(list(listed.values()), [[also], [bought[0][0]], [also]])
            self.assertEqual(self.cluster.sale(sale, where)["items"][0]["remaining"], 7)

    def test_a_cart(self):
        sale = self.cluster.create_sale(items=[item_definition("shoe", 9, amount=1000), item_definition("sock", 9)])
        customer = self.cluster.new_customer()
        body = {"lines": [{"sku": "shoe", "quantity": 1}, {"sku": "sock", "quantity": 3}]}
        order = self.check_status(self.cluster.buy(sale, customer, "k", body=body), 201).json()
        self.let_go(sale)
        report = self.report(sale)
        export = self.cluster.admin("GET", f"/admin/v1/sales/{sale}/orders.csv").body
        self.archive_sale(sale, 1)
        for where in (0, 1):
            self.assertEqual(self.cluster.order(order["id"], customer, where).json(), order)
            replay = self.check_status(self.cluster.buy(sale, customer, "k", body=body, where=where), 200)
            self.assertEqual(replay.json(), order)
            body["lines"][1]["quantity"] += 1
            self.check_status(self.cluster.buy(sale, customer, "k", body=body, where=where), 422,
                              "idempotency-key-reused")
            body["lines"][1]["quantity"] -= 1
        self.assertEqual(self.cluster.query("SELECT sku, quantity FROM order_units WHERE sale_id = %s ORDER BY sku",
                                            (sale,)), [("shoe", 1), ("sock", 3)])
        self.assertEqual(self.report(sale), report)
        self.assertEqual(self.cluster.admin("GET", f"/admin/v1/sales/{sale}/orders.csv").body, export)
        live = {item["sku"]: item["live_units"] for item in self.cluster.wait_consistent(sale)["items"]}
        self.assertEqual(live, {"shoe": 1, "sock": 3})

    def test_support_finds_them(self):
        sale, bought = self.past_sale()
        asked = [f"/admin/v1/orders?customer_id={customer}&sale_id={sale}" for _, customer, _ in bought]
        asked += [f"/admin/v1/orders/{order['id']}" for order, _, _ in bought]
        before = [self.check_status(self.cluster.admin("GET", path), 200).json() for path in asked]
        self.archive_sale(sale, 2)
        for where in (0, 1):
            self.assertEqual([self.cluster.admin("GET", path, where=where).json() for path in asked], before)
            self.assertIs(self.cluster.admin("GET", f"/admin/v1/sales/{sale}", where=where).json()["archived"], True)
            for _, customer, _ in bought:  # who has to name the sale
                unnamed = self.cluster.admin("GET", f"/admin/v1/orders?customer_id={customer}", where=where)
                self.assertEqual(unnamed.json(), {"orders": []})
        entries = self.cluster.admin("GET", "/admin/v1/log").json()["entries"]
        entry = next(entry for entry in entries if not entry["action"].endswith(".read"))  # as this test has, since
        self.assertEqual((entry["who"], entry["action"], entry["subject"]),
                         ("flashsaled archive", "sale.archived", sale))

    def test_what_is_told_of_the_sale_stays(self):
        sale, _ = self.past_sale()
        self.fill(sale, 3000)

        def told():
            report = self.report(sale)
            export = self.check_status(self.cluster.admin("GET", f"/admin/v1/sales/{sale}/orders.csv"), 200)
            rows = list(csv.reader(io.StringIO(export.body.decode(), newline="")))
            units = self.cluster.query("SELECT order_id::text, customer_id, sku, quantity, status FROM order_units "
                                       "WHERE sale_id = %s", (sale,))
            audit = self.cluster.wait_consistent(sale)
            return report, rows[0], sorted(rows[1:]), sorted(units), audit["items"]
        before = told()
        self.assertEqual(len(before[2]), 3002)
        self.archive_sale(sale, 3002)
        self.assertEqual(self.in_tables(sale), (0, 3002))
        self.assertEqual(told(), before)
        for arguments in (("--sale", sale), ()):
            self.assertEqual(self.cluster.flashsaled("audit", *arguments).returncode, 0)

    def test_an_audit_sees_what_is_wrong_in_the_archive(self):
        sale, bought = self.past_sale()
        self.archive_sale(sale)
        change = "UPDATE archived_orders SET quantity = quantity + %s WHERE order_id = %s"
        self.cluster.query(change, (1, bought[0][0]["id"]))
        self.assertIs(self.cluster.audit(sale)["consistent"], False)
        self.assertEqual(self.cluster.flashsaled("audit", "--sale", sale).returncode, 1)
        self.cluster.query(change, (-1, bought[0][0]["id"]))
        self.cluster.wait_consistent(sale)

    def test_it_is_too_late_to_cancel(self):
        sale, ((live, customer, _), (cancelled, canceller, _)) = self.past_sale()
        self.archive_sale(sale, 2)
        for where in (0, 1):
            refused = self.check_status(self.cluster.cancel(live["id"], customer, where), 409, "too-late")
            self.assertIn("archived", refused.json()["detail"])
            self.check_status(self.cluster.admin("POST", f"/admin/v1/orders/{live['id']}/cancel", {"reason": "asked"},
                                                 where=where), 409, "too-late")
            # Whoever has cancelled before is told so again.
            self.assertEqual(self.check_status(self.cluster.cancel(cancelled["id"], canceller, where), 200).json(),
                             cancelled)
        self.assertEqual(self.cluster.order(live["id"], customer).json(), live)
        self.cluster.wait_consistent(sale)

    def test_a_customer_can_be_erased(self):
        sale, ((order, customer, key), _) = self.past_sale()
        newer = self.cluster.create_sale()
        self.check_status(self.cluster.buy(newer, customer), 201)
        self.archive_sale(sale, 2)
        erased = self.check_status(self.cluster.admin("POST", f"/admin/v1/customers/{customer}/erase"), 200).json()
        self.assertEqual(erased, {"orders": 2, "sales": sorted([sale, newer])})
        self.assertEqual(self.cluster.query("SELECT count(*) FROM all_orders WHERE customer_id = %s", (customer,)),
                         [(0,)])
        self.assertEqual(self.cluster.query("SELECT count(*) FROM order_units WHERE customer_id LIKE 'erased-%%'"),
                         [(2,)])
        for where in (0, 1):
            self.check_status(self.cluster.order(order["id"], customer, where), 404, "unknown-order")
            self.check_status(self.cluster.buy(sale, customer, key, quantity=2, where=where), 422,
                              "idempotency-key-reused")
            listed = self.cluster.client(where).get("/v1/orders", self.cluster.bearer(customer)).json()
            self.assertEqual(listed, {"orders": []})
        self.cluster.wait_consistent(sale)
        again = self.cluster.admin("POST", f"/admin/v1/customers/{customer}/erase")
        self.assertEqual(self.check_status(again, 200).json(), {"orders": 0, "sales": []})


class PaidTest(ArchiveCase):
    def refunds(self, order):
        return self.cluster.query("SELECT payment_id, reason FROM refunds WHERE order_id = %s", (order["id"],))

    def unpaid(self, window_s=600):
        sale = self.cluster.create_sale(payment="required", payment_window_s=window_s)
        customer = self.cluster.new_customer()
        return sale, self.check_status(self.cluster.buy(sale, customer, "k"), 201).json(), customer

    def wait_status(self, order, customer, status):
        wait_until(lambda: self.cluster.order(order["id"], customer).json()["status"] == status, 10, f"not {status}")

    def test_money_that_comes_afterwards_goes_back_once(self):
        sale, expired, late = self.unpaid(window_s=1)
        _, failed, other = self.unpaid()
        second, paid, buyer = self.unpaid()
        notice = self.provider.notice(paid)
        self.assertEqual(self.provider.send(notice).json()["outcome"], "confirmed")
        failed_sale = self.cluster.order(failed["id"], other).json()["sale_id"]
        self.assertEqual(self.provider.fail(failed).json()["outcome"], "failed")
        self.wait_status(expired, late, "expired")
        self.let_go(sale, second, failed_sale)
        for one in (sale, second, failed_sale):
            self.archive_sale(one, 1)
        # Told again of what it was confirmed by.
        self.assertEqual(self.provider.send(notice, where=1).json()["outcome"], "ignored")
        for order, customer, reason in ((expired, late, "order_ended"), (failed, other, "order_ended"),
                                        (paid, buyer, "paid_twice")):
            told = self.provider.notice(order)
            webhook = self.provider.new_id()
            self.assertEqual(self.provider.send(told, webhook).json()["outcome"], "refund_required")
            for where in (0, 1):
                self.assertIs(self.provider.send(told, webhook, where=where).json()["repeated"], True)
                self.assertEqual(self.provider.send(told, where=where).json()["outcome"], "ignored")
                self.assertIs(self.cluster.order(order["id"], customer, where).json()["refund_required"], True)
            refunds = self.refunds(order)
            self.assertEqual(refunds,
                             [(told["data"]["payment_id"], reason)])
        for one in (sale, second, failed_sale):
            self.cluster.wait_consistent(one)

    def test_money_that_waits_meanwhile_goes_back_once(self):
        sale, expired, customer = self.unpaid(window_s=1)
        self.wait_status(expired, customer, "expired")
        self.let_go(sale)
        self.assertEqual(self.provider.pay(expired).json()["outcome"], "late")
        self.archive_sale(sale, 1)
        wait_until(lambda: self.refunds(expired), 10, "the money stays")
        time.sleep(2)
        self.assertEqual(len(self.refunds(expired)), 1)
        self.assertIs(self.cluster.order(expired["id"], customer).json()["refund_required"], True)


class CommandTest(ArchiveCase):
    def refused(self, sale, words):
        result = self.archive("--sale", sale, status=1)
        self.assertEqual(result.stdout, "")
        lines = result.stderr.splitlines()
        self.assertEqual(len(lines), 1, lines)
        self.assertIn(words, lines[0])
        self.assertIn(sale, lines[0])

    def test_what_cannot_be_archived(self):
        self.refused("no-such-sale", "no such sale")
        sale = self.cluster.create_sale()
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
        self.refused(sale, "close it")
        rehearsal = self.cluster.create_sale(rehearsal=True)
        self.check_status(self.cluster.buy(rehearsal, self.cluster.new_customer()), 201)
        self.let_go(rehearsal)
        self.refused(rehearsal, "rehearsal")
        self.assertEqual((self.in_tables(sale), self.in_tables(rehearsal)), ((1, 0), (1, 0)))
        self.check_status(self.cluster.admin("POST", f"/admin/v1/sales/{rehearsal}/reset"), 200)

    def test_a_database_that_is_not_there_or_too_old(self):
        result = self.cluster.flashsaled("archive", "--sale", "any", settings={
            "postgres.url": f"postgresql://postgres@127.0.0.1:{harness.free_port()}/none"})
        self.assertEqual(result.returncode, 1)
        self.assertIn("archive cannot begin", result.stderr)
        hide = "UPDATE schema_migrations SET number = %s WHERE number = %s"
        self.cluster.query(hide, (9001, 1))
        try:
            self.assertIn("flashsaled migrate", self.archive("--sale", "any", status=1).stderr)
        finally:
            self.cluster.query(hide, (1, 9001))

    def test_it_can_be_repeated(self):
        sale = self.cluster.create_sale()
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
        self.let_go(sale)
        self.archive_sale(sale, 1)
        self.archive_sale(sale, 0)
        self.archive_sale(sale, 0)

    def test_all_sales_in_which_nothing_has_moved_for_long(self):
        old, young, still_open, rehearsal = (self.cluster.create_sale(rehearsal=number == 3) for number in range(4))
        for sale in (old, young, still_open, rehearsal):
            self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
        self.let_go(old, young, rehearsal)
        self.cluster.query(
            "UPDATE orders SET created_at = orders.created_at - interval '40 days' FROM sales "
            "WHERE orders.sale_no = sales.sale_no AND sale_id <> %s", (young,))
        output = self.archive("--older-than-days", "30").stdout
        self.assertIn(f"{old}: 1 orders archived\n", output)
        for sale in (young, still_open, rehearsal):
            self.assertNotIn(sale, output)
            self.assertEqual(self.in_tables(sale), (1, 0))
        self.assertEqual(self.in_tables(old), (0, 1))
        self.assertEqual(self.archive("--older-than-days=30").stdout, "in all: 0 orders archived\n")
        output = self.archive("--older-than-days", "0").stdout
        self.assertIn(f"{young}: 1 orders archived\n", output)
        self.assertNotIn(old, output)
        self.assertEqual(self.in_tables(young), (0, 1))

    def environment(self):
        return harness.clean_environment() | harness.setting_environment(self.cluster.instance_settings())

    def wait_no_session(self):
        wait_until(lambda: self.cluster.query(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = 'archive'",
            (self.cluster.database,)) == [(0,)], 10, "its session stays")

    def test_killed_at_any_moment(self):
        sale = self.cluster.create_sale()
        self.fill(sale, 30_000)
        self.let_go(sale)
        kills = 0
        for _ in range(12):
            process = subprocess.Popen([harness.BINARY, "archive", "--sale", sale], env=self.environment(),
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(random.uniform(0.01, 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                kills += 1
            process.wait()
            self.assertEqual(sum(self.in_tables(sale)), 30_000)
        self.assertGreater(kills, 0)
        self.wait_no_session()
        left = self.in_tables(sale)[0]
        self.archive_sale(sale, left)
        self.assertEqual(self.in_tables(sale), (0, 30_000))

    @unittest.skipUnless(FAULTS_BINARY.exists(), f"{FAULTS_BINARY} is not built")
    def test_killed_before_and_after_a_commit(self):
        sale = self.cluster.create_sale()
        self.fill(sale, 9000)
        self.let_go(sale)
        armed = self.cluster.directory / "fault-point"
        for point, moved in (("archive.before_commit kill 3", 4000), ("archive.after_commit kill 1", 6000)):
            armed.write_text(point + "\n", encoding="ascii")
            process = subprocess.run([FAULTS_BINARY, "archive", "--sale", sale], capture_output=True, timeout=30,
                                     env=self.environment() | {"FAULT_POINT_FILE": str(armed)}, check=False)
            self.assertEqual(process.returncode, -signal.SIGKILL, process)
            self.wait_no_session()
            self.assertEqual(self.in_tables(sale), (9000 - moved, moved))
        self.archive_sale(sale, 3000)
        self.assertEqual(self.in_tables(sale), (0, 9000))

    def test_two_at_once_while_everything_is_asked(self):
        sale = self.cluster.create_sale()
        busy = self.cluster.create_sale(stock=100_000)
        customer = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer, "k"), 201).json()
        self.fill(sale, 20_000)
        self.let_go(sale)
        wrong, stop = [], threading.Event()

        def ask(where):
            with contextlib.closing(self.cluster.instances[where].client()) as client:
                while not stop.is_set():
                    replay = self.cluster.buy(sale, customer, "k", client=client)
                    shown = client.get(f"/v1/orders/{order['id']}", self.cluster.bearer(customer))
                    listed = client.get(f"/v1/orders?sale_id={sale}", self.cluster.bearer(customer))
                    count = self.cluster.query("SELECT count(*) FROM order_units WHERE sale_id = %s", (sale,))
                    if (replay.status, shown.status, listed.json(), count) != (
                            200, 200, {"orders": [order]}, [(20_001,)]) or shown.json() != order:
                        wrong.append((replay, shown, listed, count))
                    time.sleep(0.05)
        threads = [threading.Thread(target=ask, args=(where,)) for where in (0, 1)]
        outputs = []
        archivers = [threading.Thread(target=lambda: outputs.append(self.archive("--sale", sale).stdout))
                     for _ in range(2)]
        with harness.Shoppers(self.cluster, busy, self.ports, threads=4) as shoppers:
            for thread in threads + archivers:
                thread.start()
            for thread in archivers:
                thread.join()
            time.sleep(0.3)
            stop.set()
            for thread in threads:
                thread.join()
            shoppers.finish()
        self.assertEqual(wrong, [])
        moved = [int(output.split()[1]) for output in outputs]
        self.assertEqual((len(moved), sum(moved)), (2, 20_001))
        self.assertEqual(self.in_tables(sale), (0, 20_001))
        harness.check_buyers(self.cluster, shoppers.purchases)


if __name__ == "__main__":
    unittest.main()
