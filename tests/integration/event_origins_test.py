"""events.origin_key: an order's events tell its address and its card as hashes, nothing keeps either in clear, and an
erasure reaches both.
"""

import hashlib
import hmac
import ipaddress
import unittest

from harness import ClusterCase, wait_until
from harness.event_schemas import check_event
from harness.order_sums import wait_numbered
from harness.payment_provider import PaymentProvider, make_secret

SECRET = make_secret()
KEY = "the key of the hashes of this test"
# Two of one customer's IPv6 network, one of another, and two of IPv4.
HOME, NEIGHBOUR, ELSEWHERE = "2001:db8:1:2::1", "2001:db8:1:2:ffff::7", "2001:db8:1:3::1"
OFFICE, CAFE = "192.0.2.17", "198.51.100.3"


def digest(kind, content):
    return hmac.new(KEY.encode(), kind + content, hashlib.sha256).hexdigest()[:32]


def client_hash(address):
    packed = ipaddress.ip_address(address).packed
    return digest(b"client:", packed[:8] if len(packed) == 16 else packed)


def card_hash(fingerprint):
    return digest(b"card:", fingerprint.encode())


class OriginsCase(ClusterCase):
    def setUp(self):
        self.provider = PaymentProvider(self.cluster, SECRET)
        self.sale = self.cluster.create_sale(payment="required", payment_attempts=2)
        self.begin = wait_numbered(self.cluster)

    def buy(self, address, customer=None, status=201):
        """`address`: as the proxy in front says; the last but one is what its client says."""
        return self.check_status(self.cluster.buy(self.sale, customer or self.cluster.new_customer(),
                                                  headers={"X-Forwarded-For": address}), status).json()

    def pay(self, order, fingerprint, outcome, kind="succeeded", **changes):
        told = self.provider.send(self.provider.notice(order, kind, card_fingerprint=fingerprint, **changes))
        self.assertEqual(self.check_status(told, 200).json()["outcome"], outcome)

    def events(self):
        """{order id: its events}, each as its schema says."""
        last = wait_numbered(self.cluster)
        events, after = {}, self.begin
        while after < last:
            page = self.cluster.admin("GET", f"/admin/v1/events?after={after}&limit=1000").json()
            for event in page["events"]:
                check_event(event)
                if event["type"].startswith("flashsale.order."):
                    events.setdefault(event["subject"], []).append(event)
            after = page["next_after"]
        return events

    def origins(self, order):
        """What is told of one order: (kind, hash of its address, hash of its card)."""
        return [(event["type"].rpartition(".")[2], event["data"].get("client_hash"),
                 event["data"].get("payment", {}).get("card_hash")) for event in self.events()[order["id"]]]

    def stored_text(self):
        """Whatever PostgreSQL and Redis hold, and what was logged."""
        parts = [str(self.cluster.query(f"SELECT * FROM {table}"))
                 for table in ("orders", "outbox", "payment_events", "refunds", "admin_log", "customer_behaviour")]
        client = self.cluster.redis.client
        for key in client.scan_iter(count=1000):
            if client.type(key) == b"hash":
                parts.append(str(client.hgetall(key)))
            elif client.type(key) == b"stream":
                parts.append(str(client.xrange(key)))
        return "\n".join(parts + [instance.process.log_text() for instance in self.cluster.instances])


class OriginsTest(OriginsCase):
    settings = {"payments.webhook_secrets": SECRET, "events.origin_key": KEY, "rate_limit.enabled": "false",
                "log.level": "debug", "http.request_log_one_in": "0"}

    def test_the_first_event_tells_the_address_as_the_limits_know_it(self):
        addresses = (HOME, NEIGHBOUR, ELSEWHERE, OFFICE, f"{CAFE}, {OFFICE}", f"{OFFICE}, {CAFE}:4711")
        orders = [self.buy(address) for address in addresses]
        expected = [client_hash(address) for address in (HOME, HOME, ELSEWHERE, OFFICE, OFFICE, CAFE)]
        self.assertEqual([self.origins(order) for order in orders],
                         [[("awaiting_payment", one, None)] for one in expected])
        # Many at once stand in one row.
        self.assertEqual(len({client_hash(HOME), *expected}), 4)

    def test_the_event_that_a_payment_makes_tells_its_card(self):
        paid = self.buy(HOME)
        self.pay(paid, "fp_Gold 1", "confirmed")
        self.pay(paid, "fp_2", "refund_required")
        declined = self.buy(OFFICE)
        for outcome in ("declined", "failed"):
            self.pay(declined, "fp_Gold 1", outcome, "failed")
        without = self.buy(OFFICE)
        self.pay(without, None, "confirmed")
        self.assertEqual(self.origins(paid), [("awaiting_payment", client_hash(HOME), None),
                                              ("confirmed", None, card_hash("fp_Gold 1")),
                                              ("refund_required", None, card_hash("fp_2"))])
        self.assertEqual(self.origins(declined), [("awaiting_payment", client_hash(OFFICE), None),
                                                  ("cancelled", None, card_hash("fp_Gold 1"))])
        self.assertEqual(self.origins(without)[1:], [("confirmed", None, None)])
        self.assertEqual(self.cluster.query("SELECT count(*) FROM payment_events WHERE card_hash IS NOT NULL"), [(0,)])

    def test_a_payment_that_waits_keeps_its_card_until_it_is_settled(self):
        """It may come before the order is written."""
        order = self.buy(OFFICE)
        unwritten = self.cluster.query("DELETE FROM orders WHERE order_id = %s RETURNING *", (order["id"],))
        self.pay(order, "fp_early", "waiting")
        self.assertEqual(self.cluster.query("SELECT card_hash FROM payment_events WHERE order_id = %s", (order["id"],)),
                         [(card_hash("fp_early"),)])
        places = ", ".join(["%s"] * len(unwritten[0]))
        self.cluster.query(f"INSERT INTO orders VALUES ({places})", unwritten[0])
        wait_until(lambda: self.origins(order)[1:] == [("confirmed", None, card_hash("fp_early"))], 20,
                   "the payment is not settled")
        self.assertEqual(self.cluster.query("SELECT card_hash FROM payment_events WHERE order_id = %s", (order["id"],)),
                         [(None,)])

    def test_no_payment_is_refused_for_its_fingerprint(self):
        for bad in ("", "x" * 129, "a\n", "\u00fc", 7, ["fp"], {}):
            order = self.buy(OFFICE)
            self.check_status(self.provider.send(self.provider.notice(order, card_fingerprint=bad)), 200)
            self.assertEqual(self.origins(order)[1:], [("confirmed", None, None)])
        self.pay(self.buy(OFFICE), "x" * 128, "confirmed")
        # Told again, it is the same message, whatever it says of a card.
        notice = self.provider.notice(self.buy(OFFICE), card_fingerprint="fp_a")
        self.check_status(self.provider.send(notice, "again"), 200)
        notice["data"]["card_fingerprint"] = "fp_b"
        self.assertTrue(self.check_status(self.provider.send(notice, "again"), 200).json()["repeated"])

    def test_neither_is_kept_in_clear(self):
        order = self.buy("203.0.113.77")
        self.pay(order, "fp_never_in_clear", "confirmed")
        other = self.buy("203.0.113.77")
        self.check_status(self.provider.send(self.provider.notice(other, card_fingerprint="fp_never_in_clear\n")), 200)
        text = self.stored_text()
        self.assertIn(client_hash("203.0.113.77"), text)
        for clear in ("203.0.113.77", "fp_never_in_clear", KEY):
            self.assertNotIn(clear, text)

    def test_an_erasure_reaches_both(self):
        customer = self.cluster.new_customer("leaving")
        order, other = self.buy(HOME, customer), self.buy(HOME)
        for one in (order, other):
            self.pay(one, "fp_family", "confirmed")
        whole = [("awaiting_payment", client_hash(HOME), None), ("confirmed", None, card_hash("fp_family"))]
        self.assertEqual(self.origins(order), whole)
        self.check_status(self.cluster.admin("POST", f"/admin/v1/customers/{customer}/erase"), 200)
        # What stands in memory goes within seconds.
        wait_until(lambda: self.origins(order) == [("awaiting_payment", None, None), ("confirmed", None, None)], 10,
                   "the hashes are still told")
        self.assertEqual(self.origins(other), whole)
        rows = self.cluster.query("SELECT payload::text FROM outbox WHERE %s::uuid = ANY (order_ids)", (order["id"],))
        self.assertEqual([row for row in rows if row[0] and client_hash(HOME) in row[0]], [])


class UnwrittenCase(OriginsCase):
    """Of orders that stand in Redis alone, since PostgreSQL takes none of their item, when their instance is killed."""

    instances = 2

    def setUp(self):
        for instance in self.cluster.instances:
            if not instance.alive:
                instance.start()
        super().setUp()

    def take(self, address, customer=None):
        how = {"X-Forwarded-For": address, "Prefer": "respond-async"}
        return self.check_status(self.cluster.buy(self.sale, customer or self.cluster.new_customer(), headers=how),
                                 202).json()

    def log_entries(self):
        """All fields of what waits to be written."""
        client = self.cluster.redis.client
        return [fields for key in client.scan_iter(match=f"fs:{{{self.sale}}}:*:log")
                for _, fields in client.xrange(key)]

    def wait_written(self, orders):
        def written():
            [(count,)] = self.cluster.query("SELECT count(*) FROM orders WHERE order_id = ANY (%s::uuid[])",
                                            ([order["id"] for order in orders],))
            return count == len(orders) and not self.log_entries()
        wait_until(written, 20, "nobody writes them")


class KilledInstanceTest(UnwrittenCase):
    settings = {"payments.webhook_secrets": SECRET, "events.origin_key": KEY}

    def take_and_die(self):
        """{address: its order}"""
        orders = {address: self.take(address) for address in (HOME, OFFICE, ELSEWHERE)}
        self.cluster.instances[0].kill()
        return orders

    def check_told(self, orders):
        self.wait_written(orders.values())
        self.cluster.instances[0].start()
        self.assertEqual({address: self.origins(order) for address, order in orders.items()},
                         {address: [("awaiting_payment", client_hash(address), None)] for address in orders})
        hashes = [client_hash(address).encode() for address in orders]
        self.assertEqual([one for one in hashes if one in self.redis_text()], [], "Redis keeps them")

    def redis_text(self):
        client = self.cluster.redis.client
        return b"".join(b"".join(part for pair in client.hgetall(key).items() for part in pair)
                        for key in client.scan_iter(count=1000) if client.type(key) == b"hash")

    def test_another_one_writes_them(self):
        with self.cluster.locked_items(self.sale):
            orders = self.take_and_die()
        self.check_told(orders)

    def test_a_rebuild_writes_them(self):
        with self.cluster.locked_items(self.sale):
            orders = self.take_and_die()
            self.cluster.redis.client.delete(f"fs:{{{self.sale}}}")
        self.check_told(orders)

    def test_an_erasure_reaches_them(self):
        customer = self.cluster.new_customer("leaving")
        path = f"/admin/v1/customers/{customer}/erase"
        with self.cluster.locked_items(self.sale):
            order = self.take(CAFE, customer)
            self.assertIn(client_hash(CAFE), self.stored_text())
            self.cluster.instances[0].kill()
            # It is not written, so nobody says that it is done.
            self.check_status(self.cluster.admin("POST", path, where=1), 202)
        wait_until(lambda: self.cluster.admin("POST", path, where=1).status == 200, 20, "it is never complete", 0.5)
        self.assertNotIn(client_hash(CAFE), self.stored_text())
        self.cluster.instances[0].start()
        self.assertEqual(self.origins(order), [("awaiting_payment", None, None)])


class WithoutAKeyTest(UnwrittenCase):
    settings = {"payments.webhook_secrets": SECRET}

    def test_nothing_stands_in_redis(self):
        with self.cluster.locked_items(self.sale):
            order = self.take(OFFICE)
            self.assertEqual([set(fields) for fields in self.log_entries()], [{b"t", b"o"}])
        self.wait_written([order])
        self.assertEqual(self.origins(order), [("awaiting_payment", None, None)])

    def test_nothing_is_told_or_kept(self):
        order = self.buy(OFFICE)
        self.pay(order, "fp_1", "confirmed")
        self.assertEqual(self.origins(order), [("awaiting_payment", None, None), ("confirmed", None, None)])
        self.assertEqual(self.cluster.query("SELECT count(*) FROM outbox WHERE type <= 6 AND payload IS NOT NULL"),
                         [(0,)])
        self.assertEqual(self.cluster.query("SELECT count(*) FROM payment_events WHERE card_hash IS NOT NULL"), [(0,)])


if __name__ == "__main__":
    unittest.main()
