"""Orders that have to be paid: the provider's messages, expiry, late payments, refunds."""

import contextlib
import json
import secrets
import threading
import time
import unittest
import uuid

import harness
from harness import ClusterCase
from harness.payment_provider import PATH, PaymentProvider, make_secret, signature

SECRET = make_secret()
OLD_SECRET = make_secret()
SETTINGS = {"payments.webhook_secrets": f"{SECRET},{OLD_SECRET}", "payments.patience_s": 3}


class PaymentCase(ClusterCase):
    instances = 2
    settings = SETTINGS

    def setUp(self):
        super().setUp()
        self.provider = PaymentProvider(self.cluster, SECRET)

    def sale_to_pay(self, stock=10, window_s=600, **members):
        return self.cluster.create_sale(stock=stock, payment="required", payment_window_s=window_s, **members)

    def reserve(self, sale, customer=None, key="k", **how):
        customer = customer or self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer, key, **how), 201).json()
        self.assertEqual(order["status"], "awaiting_payment")
        return order, customer

    def settled(self, response, outcome, repeated=False):
        answer = self.check_status(response, 200).json()
        self.assertEqual((answer["outcome"], answer["repeated"]), (outcome, repeated), answer)
        return answer

    def status(self, order, customer, where=0):
        return self.check_status(self.cluster.order(order["id"], customer, where), 200).json()

    def wait_status(self, order, customer, status, timeout_s=5):
        def reached():
            return self.status(order, customer)["status"] == status
        harness.wait_until(reached, timeout_s, f"order {order['id']} does not become {status}")

    def expired_order(self, sale, customer=None):
        order, customer = self.reserve(sale, customer)
        self.wait_status(order, customer, "expired")
        return order, customer

    def refunds(self, order):
        rows = self.cluster.query("SELECT order_id::text, payment_id, amount, currency, reason FROM refunds"
                                  " WHERE order_id = %s", (order["id"],))
        return [dict(zip(("order_id", "payment_id", "amount", "currency", "reason"), row)) for row in rows]


class MessageTest(PaymentCase):
    def test_it_confirms_the_order(self):
        sale = self.sale_to_pay()
        order, customer = self.reserve(sale)
        window_s = harness.unix_time(order["expires_at"]) - harness.unix_time(order["created_at"])
        self.assertTrue(600 <= window_s < 605, window_s)
        answer = self.settled(self.provider.pay(order), "confirmed")
        self.assertEqual(answer["order_status"], "confirmed")
        paid = self.status(order, customer, where=1)
        self.assertEqual(paid["status"], "confirmed")
        self.assertNotIn("expires_at", paid)
        self.assertNotIn("refund_required", paid)
        replay = self.check_status(self.cluster.buy(sale, customer, "k"), 200)
        self.assertEqual(replay.json(), paid)
        self.cluster.wait_consistent(sale)

    def test_a_repeated_message_does_nothing(self):
        sale = self.sale_to_pay()
        order, customer = self.reserve(sale)
        notice, webhook_id = self.provider.notice(order), self.provider.new_id()
        self.settled(self.provider.send(notice, webhook_id), "confirmed")
        for where in (0, 1, 0):
            self.settled(self.provider.send(notice, webhook_id, where=where), "confirmed", repeated=True)
        # Told of once more under another id, the same payment is no second one.
        self.settled(self.provider.send(notice), "ignored")
        self.assertEqual(self.refunds(order), [])

    def test_the_same_message_many_times_at_once(self):
        sale = self.sale_to_pay()
        order, customer = self.reserve(sale)
        notice, webhook_id = self.provider.notice(order), self.provider.new_id()
        answers = []

        def send(where):
            with contextlib.closing(harness.Client(self.cluster.ports[where])) as client:
                answers.append(self.provider.send(notice, webhook_id, client=client))

        threads = [threading.Thread(target=send, args=(number % 2,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        outcomes = [(answer.status, answer.json()["repeated"]) for answer in answers]
        self.assertEqual(sorted(outcomes), [(200, False)] + [(200, True)] * 15)
        self.assertEqual(self.status(order, customer)["status"], "confirmed")
        self.assertEqual(self.refunds(order), [])

    def test_a_failed_payment_gives_the_unit_back(self):
        sale = self.sale_to_pay(stock=1)
        order, customer = self.reserve(sale)
        self.settled(self.provider.fail(order), "failed")
        self.assertEqual(self.status(order, customer)["status"], "cancelled")
        self.cluster.wait_remaining(sale, 1)
        self.cluster.wait_consistent(sale)
        harness.wait_until(lambda: self.cluster.buy(sale, self.cluster.new_customer()).status == 201, 5,
                           "the unit is not sold again")

    def test_a_declined_card_is_not_the_end(self):
        sale = self.sale_to_pay(stock=2, payment_attempts=3)
        order, customer = self.reserve(sale)
        for _ in range(2):
            answer = self.settled(self.provider.fail(order), "declined")
            self.assertEqual(answer["order_status"], "awaiting_payment")
        self.assertEqual(self.status(order, customer), order)
        self.settled(self.provider.pay(order), "confirmed")
        # The third one ends it. A repetition, and one payment told of twice, count once.
        order, customer = self.reserve(sale)
        notice, webhook_id = self.provider.notice(order, "failed"), self.provider.new_id()
        self.settled(self.provider.send(notice, webhook_id), "declined")
        self.settled(self.provider.send(notice, webhook_id, where=1), "declined", repeated=True)
        self.settled(self.provider.send(notice), "declined")
        self.settled(self.provider.fail(order), "declined")
        self.assertEqual(self.status(order, customer)["status"], "awaiting_payment")
        answer = self.settled(self.provider.fail(order, where=1), "failed")
        self.assertEqual(answer["order_status"], "cancelled")
        self.cluster.wait_remaining(sale, 1)
        self.settled(self.provider.fail(order), "ignored")
        # As after any failure, money that comes all the same takes the units again.
        self.settled(self.provider.pay(order), "confirmed")
        self.cluster.wait_consistent(sale)

    def test_three_may_be_declined_unless_the_sale_says_otherwise(self):
        definition = harness.sale_definition(self.cluster.new_sale_id(), payment="required", stock=1)
        del definition["payment_attempts"]
        created = self.check_status(self.cluster.admin("POST", "/admin/v1/sales", definition), 201).json()
        self.assertEqual(created["payment_attempts"], 3)
        order, _ = self.reserve(definition["id"])
        outcomes = [self.provider.fail(order).json()["outcome"] for _ in range(4)]
        self.assertEqual(outcomes, ["declined", "declined", "failed", "ignored"])

    def test_a_declined_order_still_expires(self):
        sale = self.sale_to_pay(stock=1, window_s=2, payment_attempts=3)
        order, customer = self.reserve(sale)
        self.settled(self.provider.fail(order), "declined")
        self.wait_status(order, customer, "expired")
        self.cluster.wait_consistent(sale)

    def test_what_comes_out_of_order(self):
        sale = self.sale_to_pay()
        order, customer = self.reserve(sale)
        self.settled(self.provider.pay(order), "confirmed")
        self.settled(self.provider.fail(order), "ignored")
        self.assertEqual(self.status(order, customer)["status"], "confirmed")
        # The buyer's second try with another card.
        other, other_customer = self.reserve(sale)
        self.settled(self.provider.fail(other), "failed")
        self.settled(self.provider.pay(other), "confirmed")
        self.assertEqual(self.status(other, other_customer)["status"], "confirmed")
        self.cluster.wait_consistent(sale)

    def test_wrong_money_is_to_be_refunded(self):
        sale = self.sale_to_pay()
        order, customer = self.reserve(sale, quantity=2)
        for changes in ({"amount": order["total"]["amount"] - 1}, {"currency": "USD"}):
            answer = self.settled(self.provider.pay(order, **changes), "refund_required")
            self.assertEqual(answer["order_status"], "awaiting_payment")
        self.assertTrue(self.status(order, customer)["refund_required"])
        self.assertEqual([refund["reason"] for refund in self.refunds(order)], ["wrong_amount"] * 2)
        self.settled(self.provider.pay(order), "confirmed")

    def test_paid_twice(self):
        sale = self.sale_to_pay()
        order, customer = self.reserve(sale)
        self.settled(self.provider.pay(order), "confirmed")
        self.settled(self.provider.pay(order), "refund_required")
        self.assertEqual(self.status(order, customer)["status"], "confirmed")
        self.assertEqual([refund["reason"] for refund in self.refunds(order)], ["paid_twice"])

    def test_a_cancelled_order(self):
        sale = self.sale_to_pay()
        unpaid, customer = self.reserve(sale)
        self.check_status(self.cluster.cancel(unpaid["id"], customer), 200)
        self.settled(self.provider.pay(unpaid), "refund_required")
        paid, customer = self.reserve(sale)
        self.settled(self.provider.pay(paid), "confirmed")
        cancelled = self.check_status(self.cluster.cancel(paid["id"], customer), 200).json()
        self.assertTrue(cancelled["refund_required"])
        self.assertEqual([refund["reason"] for refund in self.refunds(paid)], ["order_cancelled"])
        self.cluster.wait_consistent(sale)

    def test_given_up_after_a_failed_payment(self):
        sale = self.sale_to_pay()
        order, customer = self.reserve(sale)
        self.settled(self.provider.fail(order), "failed")
        self.check_status(self.cluster.cancel(order["id"], customer), 200)
        self.settled(self.provider.pay(order), "refund_required")
        self.assertEqual(self.status(order, customer)["status"], "cancelled")

    def test_a_cancellation_that_is_called_a_failed_payment(self):
        """What an administrator writes as the reason is no fact about payments."""
        sale = self.sale_to_pay()
        order, customer = self.reserve(sale)
        self.settled(self.provider.pay(order), "confirmed")
        cancel = f"/admin/v1/orders/{order['id']}/cancel"
        self.check_status(self.cluster.admin("POST", cancel, {"reason": "payment_failed"}), 200)
        self.settled(self.provider.pay(order), "refund_required")
        self.assertEqual(self.status(order, customer)["status"], "cancelled")
        self.assertEqual(sorted(refund["reason"] for refund in self.refunds(order)), ["order_cancelled", "order_ended"])

    def test_an_order_that_nothing_is_due_for(self):
        sale = self.cluster.create_sale()
        customer = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer), 201).json()
        self.assertEqual(order["status"], "confirmed")
        self.settled(self.provider.pay(order), "refund_required")

    def test_an_order_that_costs_nothing(self):
        free = harness.item_definition("free", amount=0)
        sale = self.sale_to_pay(window_s=2, items=[free, harness.item_definition("also-free", amount=0),
                                                   harness.item_definition("dear")])
        customer = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer, "one", "free"), 201).json()
        self.assertEqual(order["status"], "confirmed")
        self.assertNotIn("expires_at", order)
        lines = [{"sku": sku, "quantity": 1} for sku in ("free", "also-free")]
        cart = self.check_status(self.cluster.buy(sale, customer, "cart", body={"lines": lines}), 201).json()
        self.assertEqual(cart["status"], "confirmed")
        # With anything to pay in it, all of a cart is paid.
        mixed = {"lines": lines + [{"sku": "dear", "quantity": 1}]}
        mixed = self.check_status(self.cluster.buy(sale, customer, "mixed", body=mixed), 201).json()
        self.assertEqual(mixed["status"], "awaiting_payment")
        self.wait_status(mixed, customer, "expired")
        self.assertEqual(self.status(order, customer)["status"], "confirmed")
        self.settled(self.provider.pay(order), "ignored")
        self.settled(self.provider.pay(order, amount=1), "refund_required")
        self.cluster.wait_consistent(sale)

    def test_before_its_order_is_there(self):
        sale = self.sale_to_pay()
        customer = self.cluster.new_customer()
        order, _ = self.reserve(sale)
        self.cluster.query("CREATE TABLE kept AS SELECT * FROM orders WHERE order_id = %s", (order["id"],))
        self.cluster.query("DELETE FROM orders WHERE order_id = %s", (order["id"],))
        self.settled(self.provider.pay(order), "waiting")
        self.cluster.query("INSERT INTO orders SELECT * FROM kept")
        self.wait_status(order, order_customer(self.cluster, order), "confirmed")
        self.assertEqual(self.refunds(order), [])

    def test_of_an_order_that_comes_when_its_money_has_gone_back(self):
        """Whatever becomes of the order then, its buyer is told of the refund."""
        sale = self.sale_to_pay(window_s=5)
        orders = {end: self.reserve(sale)[0] for end in ("expired", "confirmed", "cancelled", "failed")}
        ids = [order["id"] for order in orders.values()]
        self.cluster.query("CREATE TABLE kept_long AS SELECT * FROM orders WHERE order_id = ANY (%s::uuid[])", (ids,))
        self.cluster.query("DELETE FROM orders WHERE order_id = ANY (%s::uuid[])", (ids,))
        for order in orders.values():
            self.settled(self.provider.pay(order), "waiting")
        for order in orders.values():
            harness.wait_until(lambda one=order: self.refunds(one), 8, "its money does not go back")
        self.cluster.query("UPDATE kept_long SET expires_at = now() + interval '5 seconds'")
        self.cluster.query("INSERT INTO orders SELECT * FROM kept_long")
        self.settled(self.provider.pay(orders["confirmed"]), "confirmed")
        self.settled(self.provider.fail(orders["failed"]), "failed")
        cancelled = orders["cancelled"]
        self.check_status(self.cluster.cancel(cancelled["id"], order_customer(self.cluster, cancelled)), 200)
        for end, order in orders.items():
            customer = order_customer(self.cluster, order)
            self.wait_status(order, customer, "cancelled" if end == "failed" else end, 8)
            self.assertTrue(self.status(order, customer).get("refund_required"), end)
            self.assertEqual(len(self.refunds(order)), 1, end)

    def test_one_id_with_two_payments(self):
        """Neither is taken for the other: both orders are paid, however often both are told."""
        sale = self.sale_to_pay()
        (first, first_customer), (second, second_customer) = self.reserve(sale), self.reserve(sale)
        webhook_id = self.provider.new_id()
        notices = [self.provider.notice(order) for order in (first, second)]
        for repeated in (False, True, True):
            for order, notice in zip((first, second), notices):
                answer = self.settled(self.provider.send(notice, webhook_id), "confirmed", repeated)
                self.assertEqual(answer["order_id"], order["id"])
        for order, customer in ((first, first_customer), (second, second_customer)):
            self.assertEqual(self.status(order, customer)["status"], "confirmed")
        # Another payment of the same order is one too many, and its money goes back; a decline that came first under
        # the same id does not hide the success.
        twice = self.provider.notice(first)
        self.settled(self.provider.send(twice, webhook_id), "refund_required")
        self.settled(self.provider.send(twice, webhook_id), "refund_required", repeated=True)
        self.assertEqual([refund["reason"] for refund in self.refunds(first)], ["paid_twice"])
        third, third_customer = self.reserve(sale)
        declined = self.provider.new_id()
        self.check_status(self.provider.send(self.provider.notice(third, "failed"), declined), 200)
        self.settled(self.provider.send(self.provider.notice(third), declined), "confirmed")
        self.assertEqual(self.status(third, third_customer)["status"], "confirmed")
        told = self.cluster.instances[0].process.log_text()
        self.assertIn("two messages of the payment provider have one webhook-id", told)

    def test_one_id_with_a_late_payment(self):
        sale = self.sale_to_pay(stock=2, window_s=1)
        paid, _ = self.reserve(sale)
        webhook_id = self.provider.new_id()
        self.settled(self.provider.send(self.provider.notice(paid), webhook_id), "confirmed")
        late, customer = self.expired_order(sale)
        self.check_status(self.provider.send(self.provider.notice(late), webhook_id), 200)
        self.wait_status(late, customer, "confirmed")
        self.cluster.wait_consistent(sale)

    def test_of_another_systems_order(self):
        before = self.cluster.query("SELECT count(*) FROM refunds")
        for order_id in (str(uuid.uuid4()), str(uuid.uuid1()), "fffffffe-0000-8000-8000-000000000001", "x", "",
                         "invoice 2026/17", "\u00fc" * 300, 4711, None, [1]):
            with self.subTest(order_id):
                data = {"order_id": order_id, "amount": 4.5, "currency": "euros"}
                notice = {"type": "payment.succeeded", "data": data}
                webhook_id = self.provider.new_id()
                answers = [self.check_status(self.provider.send(notice, webhook_id), 200).json() for _ in range(2)]
                self.assertEqual(answers, [{"outcome": "not_ours", "repeated": again} for again in (False, True)])
                noted = self.cluster.query("SELECT count(*) FROM foreign_payments WHERE webhook_id = %s", (webhook_id,))
                self.assertEqual(noted, [(1,)])
        whole = {"id": str(uuid.uuid4()), "total": {"amount": 5, "currency": "eur"}}
        notice = self.provider.notice(whole)
        self.check_status(self.provider.send(notice), 200)
        noted = self.cluster.query("SELECT order_id, payment_id, succeeded, amount, currency FROM foreign_payments"
                                   " WHERE payment_id = %s", (notice["data"]["payment_id"],))
        self.assertEqual(noted, [(whole["id"], notice["data"]["payment_id"], True, 5, "EUR")])
        time.sleep(4 * harness.SLOWNESS)  # longer than payments.patience_s
        self.assertEqual(self.cluster.query("SELECT count(*) FROM refunds"), before)

    def test_currencies_in_any_case(self):
        sale = self.sale_to_pay()
        order, customer = self.reserve(sale)
        self.settled(self.provider.pay(order, currency="eur"), "confirmed")
        self.assertEqual(self.status(order, customer)["status"], "confirmed")
        self.assertEqual(self.refunds(order), [])

    def test_of_an_order_that_never_comes(self):
        """Of a sale that there is, and of one that is unknown."""
        [known] = self.cluster.order_ids(self.sale_to_pay(), [("nobody", "k")])
        for order_id in (known, "00000001-0000-8000-8000-000000000001", "7fffffff-0000-8000-8000-000000000001"):
            with self.subTest(order_id):
                self.check_that_it_never_comes({"id": order_id, "total": {"amount": 5, "currency": "EUR"}})

    def check_that_it_never_comes(self, nothing):
        notice = self.provider.notice(nothing)
        for _ in range(2):  # of one payment, under two ids
            self.settled(self.provider.send(notice), "waiting")
        harness.wait_until(lambda: self.refunds(nothing), 8, "its money does not go back")
        self.assertEqual([refund["reason"] for refund in self.refunds(nothing)], ["unknown_order"])
        time.sleep(2.5)
        self.assertEqual(len(self.refunds(nothing)), 1)
        self.assertEqual(self.cluster.query("SELECT count(*) FROM payment_events WHERE outcome <= 1"), [(0,)])


def order_customer(cluster, order):
    return cluster.query("SELECT customer_id FROM orders WHERE order_id = %s", (order["id"],))[0][0]


class UnknownOrderTest(PaymentCase):
    """Beside other systems whose orders have ids of the same form."""

    settings = SETTINGS | {"payments.unknown_orders": "ignore"}

    def test_nothing_goes_back(self):
        nothing = {"id": "7fffffff-0000-8000-8000-000000000001", "total": {"amount": 5, "currency": "EUR"}}
        notice, webhook_id = self.provider.notice(nothing), self.provider.new_id()
        self.settled(self.provider.send(notice, webhook_id), "waiting")
        harness.wait_until(lambda: self.provider.send(notice, webhook_id).json()["outcome"] == "not_ours", 10,
                           "the message is not settled")
        self.assertEqual(self.refunds(nothing), [])


class SignatureTest(PaymentCase):
    def test_every_secret_counts_while_they_are_rotated(self):
        sale = self.sale_to_pay()
        order, _ = self.reserve(sale)
        self.settled(self.provider.send(self.provider.notice(order), secret=OLD_SECRET), "confirmed")
        other, _ = self.reserve(sale)
        body = json.dumps(self.provider.notice(other)).encode()
        now = str(int(time.time()))
        both = " ".join(["v1a,xyz", signature(make_secret(), "m1", now, body), signature(SECRET, "m1", now, body)])
        response = self.provider.send(body, "m1", now, headers={"webhook-signature": both})
        self.settled(response, "confirmed")

    def test_what_is_not_signed_changes_nothing(self):
        sale = self.sale_to_pay()
        order, customer = self.reserve(sale)
        notice = self.provider.notice(order)
        now = int(time.time())
        good = signature(SECRET, "m2", str(now), json.dumps(notice).encode())
        for headers in ({"webhook-signature": ""}, {"webhook-signature": "v1,"}, {"webhook-signature": "v1"},
                        {"webhook-signature": good[:-2] + "=="}, {"webhook-signature": "v2," + good[3:]},
                        {"webhook-id": "m3"}, {"webhook-id": ""}, {"webhook-timestamp": str(now - 1)},
                        {"webhook-timestamp": "now"}, {"webhook-timestamp": "-1"},
                        {"webhook-timestamp": "99999999999999999999"}):
            response = self.provider.send(notice, "m2", now, headers=headers)
            self.check_status(response, 401, "unauthorized")
        self.check_status(self.provider.send(notice, secret=make_secret()), 401, "unauthorized")
        self.assertEqual(self.status(order, customer)["status"], "awaiting_payment")
        self.assertEqual(self.cluster.query("SELECT count(*) FROM payment_events WHERE order_id = %s",
                                            (order["id"],)), [(0,)])

    def test_ids_without_dots(self):
        """`evt.T` with one body and `evt` with another would have one signature."""
        sale = self.sale_to_pay()
        order, _ = self.reserve(sale)
        notice = self.provider.notice(order)
        for webhook_id in ("evt.1", "evt 1", "e" * 129):
            self.check_status(self.provider.send(notice, webhook_id), 401, "unauthorized")
        self.settled(self.provider.send(notice, "evt_1-:/+=" + secrets.token_hex(8)), "confirmed")

    def test_out_of_time(self):
        sale = self.sale_to_pay()
        order, customer = self.reserve(sale)
        now = time.time()
        for moment in (now - 310, now + 310, 0):
            self.check_status(self.provider.send(self.provider.notice(order), timestamp=int(moment)), 401,
                              "unauthorized")
        self.assertEqual(self.status(order, customer)["status"], "awaiting_payment")
        self.settled(self.provider.send(self.provider.notice(order), timestamp=int(now - 280)), "confirmed")

    def test_large_messages_and_whole_numbers_of_any_form(self):
        """Providers tell much of which nothing is read; a large message is read by another thread."""
        sale = self.sale_to_pay()
        order, customer = self.reserve(sale)
        notice = self.provider.notice(order, amount=float(order["total"]["amount"]))
        notice["data"]["metadata"] = {f"member {number}": "m" * 50 for number in range(800)}
        self.assertIn(b".0,", json.dumps(notice).encode())
        self.settled(self.provider.send(notice), "confirmed")
        self.assertEqual(self.refunds(order), [])
        hostile = b'{"a":[' + b",".join([b"{}"] * 20_000) + b"]}"
        self.check_status(self.provider.send(hostile), 400, "malformed-request")

    def test_what_cannot_be_understood(self):
        sale = self.sale_to_pay()
        order, customer = self.reserve(sale)
        good = self.provider.notice(order)
        for body in (b"", b"{", b"[]", b"{}", json.dumps(good).encode() + b"x",
                     json.dumps({"type": "payment.succeeded"}).encode(),
                     json.dumps(good | {"type": 7}).encode(),
                     json.dumps(good | {"data": {"amount": 1, "currency": "EUR", "payment_id": "p"}}).encode(),
                     json.dumps(good | {"data": good["data"] | {"amount": 1.5}}).encode(),
                     json.dumps(good | {"data": good["data"] | {"amount": -1}}).encode(),
                     json.dumps(good | {"data": good["data"] | {"amount": 2**63}}).encode(),
                     json.dumps(good | {"data": good["data"] | {"amount": "5"}}).encode(),
                     json.dumps(good | {"data": good["data"] | {"currency": "E1R"}}).encode(),
                     json.dumps(good | {"data": good["data"] | {"payment_id": "\u0090"}}).encode(),
                     json.dumps(good | {"data": good["data"] | {"payment_id": "\u00fc" * 256}}).encode(),
                     json.dumps(good | {"data": good["data"] | {"payment_id": ""}}).encode()):
            self.check_status(self.provider.send(body), 400, "malformed-request")
        self.assertEqual(self.check_status(self.provider.send({"type": "payout.paid"}), 200).json(),
                         {"outcome": "ignored"})
        self.assertEqual(self.status(order, customer)["status"], "awaiting_payment")
        self.check_status(self.cluster.client().request("GET", PATH), 405)


class ExpiryTest(PaymentCase):
    def test_the_unit_comes_back_in_time(self):
        sale = self.sale_to_pay(stock=1, window_s=2, limit=1)
        order, customer = self.reserve(sale)
        self.cluster.wait_remaining(sale, 0)
        self.assertEqual(self.cluster.item(sale)["availability"], "held")
        expires_at = harness.unix_time(order["expires_at"])

        def sells():
            return self.cluster.buy(sale, customer, "again").status == 201

        harness.wait_until(sells, 8, "the unit is not sold again", 0.05)
        late_s = time.time() - expires_at
        self.assertGreaterEqual(late_s, 0)
        # A second, and the half second that a unit of an empty item rests.
        self.assertLess(late_s, 1.5 * harness.SLOWNESS, f"sold again after {late_s:.2f} s")
        expired = self.check_status(self.cluster.buy(sale, customer, "k"), 200).json()
        self.assertEqual((expired["id"], expired["status"]), (order["id"], "expired"))
        self.check_status(self.cluster.cancel(order["id"], customer), 409, "too-late")
        self.cluster.wait_consistent(sale)

    def test_held_becomes_sold_out_when_all_is_paid(self):
        sale = self.sale_to_pay(stock=2)
        first, _ = self.reserve(sale)
        second, _ = self.reserve(sale)
        for where in (0, 1):
            harness.wait_until(lambda: self.cluster.item(sale, where=where)["availability"] == "held", 3, "not held")
        self.settled(self.provider.pay(first), "confirmed")
        time.sleep(1)
        self.assertEqual(self.cluster.item(sale)["availability"], "held")
        self.settled(self.provider.pay(second), "confirmed")
        for where in (0, 1):
            harness.wait_until(lambda: self.cluster.item(sale, where=where)["availability"] == "sold_out", 3,
                               "not sold out")

    def test_many_at_once(self):
        sale = self.sale_to_pay(stock=400, window_s=2)
        orders = harness.crowd(self.cluster.ports, 400, lambda number, client: self.reserve(sale, client=client))
        paid = orders[::4]
        for order, _ in paid:
            self.provider.pay(order)
        self.cluster.wait_remaining(sale, 300, timeout_s=10)
        self.cluster.wait_consistent(sale)
        statuses = dict(self.cluster.query(
            "SELECT status, count(*) FROM order_units WHERE sale_id = %s GROUP BY status", (sale,)))
        self.assertEqual(statuses, {"confirmed": 100, "expired": 300})

    def test_whichever_instances_live(self):
        sale = self.sale_to_pay(stock=1, window_s=2)
        order, customer = self.reserve(sale)
        self.cluster.instances[0].kill()
        try:
            harness.wait_until(lambda: self.status(order, customer, where=1)["status"] == "expired", 8, "not expired")
            harness.wait_until(lambda: self.cluster.item(sale, where=1)["remaining"] == 1, 3, "the unit is not back")
        finally:
            self.cluster.instances[0].start()

    def test_a_rebuild_keeps_what_is_unpaid(self):
        sale = self.sale_to_pay(stock=2)
        order, customer = self.reserve(sale)
        self.cluster.redis.client.flushall()
        harness.wait_until(lambda: self.cluster.buy(sale, customer, "k").status == 200, 10, "the sale is not rebuilt")
        self.assertEqual(self.status(order, customer)["status"], "awaiting_payment")
        self.settled(self.provider.pay(order), "confirmed")
        self.cluster.wait_consistent(sale)


class LatePaymentTest(PaymentCase):
    def test_a_unit_is_taken_again(self):
        sale = self.sale_to_pay(stock=1, window_s=1, limit=1)
        order, customer = self.expired_order(sale)
        answer = self.settled(self.provider.pay(order), "confirmed")
        self.assertEqual(answer["order_status"], "confirmed")
        self.cluster.wait_remaining(sale, 0)
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 409, "sold-out")
        # It counts towards the limit again, and its key is what it was.
        self.assertEqual(self.check_status(self.cluster.buy(sale, customer, "k"), 200).json()["status"], "confirmed")
        self.cluster.wait_consistent(sale)

    def test_taken_again_and_cancelled_gives_back_once(self):
        sale = self.sale_to_pay(stock=3, window_s=1)
        order, customer = self.expired_order(sale)
        self.cluster.wait_remaining(sale, 3)
        self.settled(self.provider.pay(order), "confirmed")
        self.cluster.wait_remaining(sale, 2)
        self.check_status(self.cluster.cancel(order["id"], customer), 200)
        self.check_status(self.cluster.cancel(order["id"], customer), 200)
        self.cluster.wait_remaining(sale, 3)
        self.cluster.wait_consistent(sale)
        # And after Redis was lost.
        self.cluster.redis.client.flushall()
        harness.wait_until(lambda: self.cluster.buy(sale, customer, "k").status == 200, 10, "the sale is not rebuilt")
        self.cluster.wait_consistent(sale)
        self.cluster.wait_remaining(sale, 3)

    def test_sold_to_somebody_else(self):
        sale = self.sale_to_pay(stock=1, window_s=1)
        order, customer = self.expired_order(sale)
        harness.wait_until(lambda: self.cluster.buy(sale, self.cluster.new_customer()).status == 201, 5, "not sold")
        answer = self.settled(self.provider.pay(order), "refund_required")
        self.assertEqual(answer["order_status"], "expired")
        self.assertTrue(self.status(order, customer)["refund_required"])
        self.assertEqual([refund["reason"] for refund in self.refunds(order)], ["no_units"])
        self.cluster.wait_consistent(sale)

    def test_its_customer_has_bought_again(self):
        sale = self.sale_to_pay(stock=5, window_s=1, limit=1)
        order, customer = self.expired_order(sale)
        harness.wait_until(lambda: self.cluster.buy(sale, customer, "other").status in (200, 201), 5, "not sold")
        self.settled(self.provider.pay(order), "refund_required")

    def test_after_redis_was_lost(self):
        sale = self.sale_to_pay(stock=1, window_s=1)
        order, customer = self.expired_order(sale)
        self.cluster.redis.client.flushall()
        self.check_status(self.provider.pay(order), 200)
        self.wait_status(order, customer, "confirmed", timeout_s=10)
        self.cluster.wait_consistent(sale)
        self.cluster.wait_remaining(sale, 0)

    def test_while_redis_is_silent(self):
        """The message is kept, and the unit taken when Redis is there again."""
        sale = self.sale_to_pay(stock=1, window_s=1)
        order, customer = self.expired_order(sale)
        self.cluster.redis.pause()
        resumes = threading.Timer(2, self.cluster.redis.resume)
        resumes.start()
        try:
            self.check_status(self.provider.pay(order), 200)
        finally:
            resumes.join()
        self.wait_status(order, customer, "confirmed", timeout_s=10)
        self.cluster.wait_consistent(sale)

    def test_told_twice_while_redis_is_silent(self):
        """A message that is ignored for the sake of another must not be what the other is ignored for."""
        sale = self.sale_to_pay(stock=1, window_s=1)
        order, customer = self.expired_order(sale)
        notice = self.provider.notice(order)
        self.cluster.redis.pause()
        resumes = threading.Timer(2, self.cluster.redis.resume)
        resumes.start()
        try:
            for _ in range(2):
                self.check_status(self.provider.send(notice), 200)
        finally:
            resumes.join()
        self.wait_status(order, customer, "confirmed", timeout_s=10)
        self.assertEqual(self.refunds(order), [])
        self.cluster.wait_consistent(sale)

    def test_the_flag_puts_the_provider_off(self):
        sale = self.sale_to_pay()
        order, customer = self.reserve(sale)
        switch = "/admin/v1/flags/webhooks"
        self.check_status(self.cluster.admin("PUT", switch, {"enabled": False}), 200)
        try:
            harness.wait_until(lambda: self.provider.pay(order).status == 503, 5, "payments are still taken")
        finally:
            self.check_status(self.cluster.admin("PUT", switch, {"enabled": True}), 200)
        harness.wait_until(lambda: self.provider.pay(order).status == 200, 5, "payments are not taken again")
        self.assertEqual(self.status(order, customer)["status"], "confirmed")

    def test_many_late_payments_for_few_units(self):
        sale = self.sale_to_pay(stock=6, window_s=2)
        orders = harness.crowd(self.cluster.ports, 6, lambda number, client: self.reserve(sale, client=client))
        for order, customer in orders:
            self.wait_status(order, customer, "expired", 8)
        self.cluster.set_stock(sale, 6)
        harness.wait_until(lambda: self.cluster.buy(sale, "x", "1", quantity=4).status in (200, 201), 5, "not sold")
        outcomes = harness.crowd(self.cluster.ports, 6, lambda number, client: self.provider.send(
            self.provider.notice(orders[number][0]), client=client).json()["outcome"])
        self.assertEqual(sorted(outcomes), ["confirmed"] * 2 + ["refund_required"] * 4)
        self.cluster.wait_consistent(sale)


class DefinitionTest(ClusterCase):
    """Without a secret nobody could pay."""

    def test_payment_takes_a_provider(self):
        sale = self.cluster.new_sale_id()
        body = harness.sale_definition(sale, payment="required")
        response = self.cluster.admin("POST", "/admin/v1/sales", body)
        self.check_status(response, 422, "not-supported")
        provider = PaymentProvider(self.cluster, SECRET)
        self.check_status(provider.send({"type": "payment.failed"}), 401, "unauthorized")


if __name__ == "__main__":
    unittest.main()
