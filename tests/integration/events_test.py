"""Events: every change leaves one, in order, with positions that nobody misses; the commands that look after them."""

import json
import signal
import threading
import time
import unittest

import harness
from harness import ClusterCase, item_definition, wait_until
from harness.event_schemas import check_event
from harness.payment_provider import PaymentProvider, make_secret

SECRET = make_secret()


class EventsCase(ClusterCase):
    instances = 2
    settings = {"payments.webhook_secrets": SECRET, "rate_limit.enabled": "false"}

    def setUp(self):
        self.provider = PaymentProvider(self.cluster, SECRET)

    def events(self, *arguments, status=0):
        result = self.cluster.flashsaled("events", *arguments)
        self.assertEqual(result.returncode, status, (result.stdout, result.stderr))
        return result.stdout

    def audit(self, status=0):
        return self.events("audit", status=status)

    def wait_numbered(self):
        wait_until(lambda: self.cluster.query("SELECT count(*) FROM outbox WHERE position IS NULL") == [(0,)], 10,
                   "events without a position")

    def told(self, order_id):
        """(number, type) of an order's events, by position."""
        self.wait_numbered()
        return self.cluster.query("SELECT change_no, type FROM outbox WHERE %s::uuid = ANY (order_ids)"
                                  " ORDER BY position", (order_id,))

    def crowd(self, sale, buyers, pay=False, where=None):
        """Orders of as many customers, some of them paid, cancelled, or neither."""
        orders = []

        def buy(number):
            client = self.cluster.client(number % 2 if where is None else where)
            for i in range(buyers // 4):
                customer = self.cluster.new_customer()
                try:
                    answer = self.cluster.buy(sale, customer, key="k", client=client)
                    if answer.status not in (201, 202):
                        continue
                    orders.append((answer.json(), customer))
                    if pay and i % 3 == 0:
                        self.provider.pay(answer.json())
                    if pay and i % 5 == 0:
                        self.cluster.cancel(answer.json()["id"], customer)
                except (OSError, harness.HarnessError):
                    client = self.cluster.client(number % 2 if where is None else where)

        threads = [threading.Thread(target=buy, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return orders


class HistoryTest(EventsCase):
    def test_every_change_is_told_and_the_audit_says_so(self):
        sale = self.cluster.create_sale(payment="required", payment_window_s=1)
        orders = self.crowd(sale, 120, pay=True)
        self.assertGreater(len(orders), 60)
        # The rest expires.
        wait_until(lambda: self.cluster.query("SELECT count(*) FROM orders WHERE status = 2 AND sale_no = %s",
                                              (self.cluster.sale_no(sale),)) == [(0,)], 20, "orders are still unpaid")
        self.wait_numbered()
        output = self.audit()
        self.assertIn(f"{sale}: {len(orders)} orders, all told\n", output)

    def test_a_row_that_is_gone_is_named(self):
        sale = self.cluster.create_sale()
        order = self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201).json()
        self.wait_numbered()
        self.audit()
        position, row = self.cluster.query("SELECT position, row_to_json(outbox)::text FROM outbox WHERE %s::uuid ="
                                           " ANY (order_ids)", (order["id"],))[0]
        self.cluster.query("DELETE FROM outbox WHERE position = %s RETURNING 1", (position,))
        output = self.audit(status=1)
        self.assertIn(f"events {position} to {position} are missing\n", output)
        self.assertIn(f"{order['id']}: 1 changes, 0 events", output)
        self.cluster.query("INSERT INTO outbox OVERRIDING SYSTEM VALUE SELECT * FROM"
                           " json_populate_record(NULL::outbox, %s::json) RETURNING 1", (row,))
        self.audit()

    def test_an_order_is_told_in_its_own_order(self):
        sale = self.cluster.create_sale(payment="required")
        customer = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer), 201).json()
        self.provider.pay(order)
        self.check_status(self.cluster.cancel(order["id"], customer), 200)
        self.assertEqual(self.told(order["id"]), [(1, 2), (2, 1), (3, 3), (4, 6)])

    def test_a_snapshot_has_the_last_event_of_each_order(self):
        sale = self.cluster.create_sale(payment="required")
        orders = self.crowd(sale, 40, pay=True)
        self.wait_numbered()
        lines = [json.loads(line) for line in self.events("snapshot", "--sale", sale).splitlines()]
        self.assertEqual({line["subject"] for line in lines}, {order["id"] for order, _ in orders})
        for line in lines:
            check_event(line)
            number = self.told(line["subject"])[-1][0]
            self.assertEqual(line["id"], f"{line['subject']}/{number}")
            self.assertEqual(line["type"], f"flashsale.order.{line['data']['status']}")


class FailuresTest(EventsCase):
    settings = EventsCase.settings | {"shutdown.delay_ms": 0}

    def test_the_leader_is_killed_again_and_again(self):
        sale = self.cluster.create_sale(payment="required", payment_window_s=600, items=[item_definition(stock=50_000)])
        done = threading.Event()

        def buy():
            while not done.is_set():
                self.crowd(sale, 40, pay=True)

        crowd = threading.Thread(target=buy)
        crowd.start()
        try:
            for i in range(4):
                time.sleep(1.0)
                victim = self.cluster.instances[i % 2]
                victim.kill()
                victim.start()
        finally:
            done.set()
            crowd.join()
        self.cluster.wait_consistent(sale, timeout_s=30)
        self.wait_numbered()
        self.audit()
        # Nobody was told of a number twice, or before the one in front of it.
        rows = self.cluster.query("SELECT order_id::text, array_agg(change_no ORDER BY position) FROM outbox"
                                  " CROSS JOIN LATERAL unnest(order_ids) AS told (order_id) GROUP BY order_id")
        for order_id, numbers in rows:
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)), order_id)

    def test_a_frozen_leader_is_followed_and_does_no_harm_when_it_wakes(self):
        sale = self.cluster.create_sale()
        leader = self.cluster.query("SELECT leader FROM event_line")[0][0].partition("-")[0]
        victim = next(one for one in self.cluster.instances if str(one.process.pid) == leader)
        where = 1 - self.cluster.instances.index(victim)
        victim.process.send(signal.SIGSTOP)
        try:
            self.crowd(sale, 40, where=where)
            self.wait_numbered()
        finally:
            victim.process.send(signal.SIGCONT)
        self.crowd(sale, 40)
        self.cluster.wait_consistent(sale, timeout_s=30)
        self.wait_numbered()
        self.audit()


class SwitchedOffTest(ClusterCase):
    settings = {"events.enabled": "false"}

    def test_nothing_is_left(self):
        sale = self.cluster.create_sale()
        customer = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer), 201).json()
        self.check_status(self.cluster.cancel(order["id"], customer), 200)
        self.assertEqual(self.cluster.query("SELECT count(*) FROM outbox"), [(0,)])

    def test_what_was_left_before_goes_when_its_time_is_over(self):
        self.cluster.query("UPDATE event_line SET last_position = 2")
        self.cluster.query("INSERT INTO event_sinks (name, kind, position) VALUES ('webhook:x', 'webhook', 0)")
        self.cluster.query("INSERT INTO outbox (sale_no, at, position, change_no, events, type, payload) "
                           "SELECT 0, now() - age, position, 1, 1, 22, '{}' FROM (VALUES (1, interval '10 days'),"
                           " (2, '1 hour'), (NULL, '10 days'), (NULL, '1 hour')) AS old (position, age)")
        wait_until(lambda: self.cluster.query("SELECT position FROM outbox ORDER BY position") == [(2,), (None,)], 30,
                   "old events stay")
        self.assertEqual(self.cluster.query("SELECT gone_until FROM event_line"), [(1,)])


class MixedFleetTest(EventsCase):
    """One instance must not make changes without events, or remove events, beside one that leaves them."""
    instances = 1

    def refuse(self, enabled):
        """Why it does not start."""
        with self.assertRaises(harness.HarnessError) as refused:
            self.cluster.add_instance({"events.enabled": enabled})
        self.cluster.instances.pop()
        return str(refused.exception)

    def test_one_that_does_otherwise_does_not_start(self):
        self.assertIn("events.enabled is false here, and not in 1 processes that are connected", self.refuse("false"))
        self.cluster.add_instance({"events.enabled": "true"})
        # When all have been stopped it may: what is old goes then, and the log says so.
        for instance in self.cluster.instances:
            instance.stop()
        self.cluster.query("INSERT INTO event_sinks (name, kind, position) SELECT 'webhook:x', 'webhook', last_position"
                           " FROM event_line RETURNING 1")
        self.cluster.query("INSERT INTO outbox (sale_no, at, position, change_no, events, type, payload)"
                           " SELECT 0, now() - interval '10 days', last_position + 1, 1, 1, 22, '{}' FROM event_line"
                           " RETURNING 1")
        self.cluster.query("UPDATE event_line SET last_position = last_position + 1 RETURNING 1")
        self.cluster.query("UPDATE outbox SET at = now() - interval '10 days' RETURNING 1")
        other = self.cluster.add_instance({"events.enabled": "false"})
        wait_until(lambda: self.cluster.query("SELECT count(*) FROM outbox") == [(0,)], 30, "what is old stays")
        wait_until(lambda: "old events were removed that not everybody was told of" in other.process.log_text(), 10,
                   "the log says nothing of it")
        self.assertIn("events.enabled is true here", self.refuse("true"))


class TurnedOnTest(EventsCase):
    instances = 1
    settings = EventsCase.settings | {"events.enabled": "false"}

    def test_orders_from_before_are_not_called_told(self):
        sale = self.cluster.create_sale()
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
        self.cluster.instances[0].stop()
        self.cluster.add_instance({"events.enabled": "true"})
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer(), where=1), 201)
        self.wait_numbered()
        self.assertIn(f"{sale}: 2 orders, 1 without an event that is kept, the others told\n", self.audit())


class CommandsTest(EventsCase):
    instances = 1

    def test_they_say_what_is_wrong(self):
        for arguments, text in ((["events"], "needs to be told what"),
                                (["events", "dance"], "does not \"dance\""),
                                (["events", "replay", "--sink", "x"], "either --from POSITION or --sale ID"),
                                (["events", "replay", "--from", "1"], "needs --sink NAME"),
                                (["events", "snapshot"], "needs --sale ID"),
                                (["events", "audit", "--from", "1"], "--from is for"),
                                (["audit", "--sink", "x"], "--sink is no option")):
            with self.subTest(arguments):
                result = self.cluster.flashsaled(*arguments)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertIn(text, result.stderr)
        for arguments, text in ((["events", "replay", "--sink", "nobody", "--from", "1"], "no sink nobody"),
                                (["events", "replay", "--sink", "nobody", "--from", "999999"], "are kept"),
                                (["events", "replay", "--sink", "nobody", "--sale", "nowhere"], "no sale nowhere"),
                                (["events", "forget", "--sink", "nobody"], "no sink nobody"),
                                (["events", "snapshot", "--sale", "nowhere"], "no sale nowhere")):
            with self.subTest(arguments):
                self.cluster.create_sale()
                self.wait_numbered()
                result = self.cluster.flashsaled(*arguments)
                self.assertEqual(result.returncode, 1, result.stdout)
                self.assertIn(text, result.stderr)


if __name__ == "__main__":
    unittest.main()
