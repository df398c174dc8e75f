"""Buying over HTTP: every answer of the checkout's table, replays, limits, cancelling, and crowds."""

import base64
import collections
import contextlib
import gzip
import http.client
import json
import re
import secrets
import socket
import subprocess
import threading
import time
import unittest
import uuid

import harness
from harness import (SLOWNESS, ClusterCase, Purchase, base64url, check_buyers, crowd, customer_claims, item_definition,
                     make_token)

UUID_V8 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
RFC_3339_UTC = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
ORDER_MEMBERS = {"id", "sale_id", "sku", "quantity", "unit_price", "lines", "total", "status", "created_at"}


class BuyCase(ClusterCase):
    instances = 2

    @property
    def ports(self):
        return [instance.port for instance in self.cluster.instances[:2]]

    def bought(self, sale, customer, key, **how):
        return self.check_status(self.cluster.buy(sale, customer, key, **how), 201).json()

    def purchase(self, sale, customer, key, response, sku="sneaker-42", quantity=1):
        purchase = Purchase(sale, customer, key, sku, quantity)
        purchase.note(response)
        return purchase


class AnswersTest(BuyCase):
    """One buyer at a time: statuses, headers and bodies."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sale = cls.cluster.create_sale(items=[item_definition(stock=100_000), item_definition("sock", 100_000)])

    def setUp(self):
        self.customer = self.cluster.new_customer()

    def remaining(self):
        return {item["sku"]: item["remaining"] for item in self.cluster.audit(self.sale)["items"]}

    def test_created_order_is_complete_and_committed(self):
        before = time.time()
        response = self.cluster.buy(self.sale, self.customer, "k-1", quantity=2)
        self.check_status(response, 201)
        order = response.json()
        self.assertEqual(set(order), ORDER_MEMBERS)
        self.assertRegex(order["id"], UUID_V8)
        self.assertEqual(response.header("Location"), f"/v1/orders/{order['id']}")
        self.assertIn("application/json", response.header("Content-Type"))
        self.assertIsNone(response.header("Idempotency-Replayed"))
        self.assertEqual(order["sale_id"], self.sale)
        self.assertEqual(order["sku"], "sneaker-42")
        self.assertEqual(order["quantity"], 2)
        self.assertEqual(order["unit_price"], {"amount": 12_999, "currency": "EUR"})
        self.assertEqual(order["total"], {"amount": 25_998, "currency": "EUR"})
        self.assertEqual(order["status"], "confirmed")
        self.assertRegex(order["created_at"], RFC_3339_UTC)
        self.assertLess(abs(harness.unix_time(order["created_at"]) - before), 5)
        rows = self.cluster.query("SELECT sale_id, customer_id, sku, quantity, status FROM order_units "
                                  "WHERE order_id = %s", (order["id"],))
        self.assertEqual(rows, [(self.sale, self.customer, "sneaker-42", 2, "confirmed")])

    def test_replay_answers_the_same_order_on_each_instance(self):
        first = self.bought(self.sale, self.customer, "k-1")
        for where in (0, 1, 0):
            replay = self.check_status(self.cluster.buy(self.sale, self.customer, "k-1", where=where), 200)
            self.assertEqual(replay.header("Idempotency-Replayed"), "true")
            self.assertEqual(replay.json(), first)
        rows = self.cluster.query("SELECT count(*) FROM order_units WHERE customer_id = %s", (self.customer,))
        self.assertEqual(rows, [(1,)])

    def test_quoted_and_bare_key_are_the_same(self):
        first = self.bought(self.sale, self.customer, '"one-key"')
        replay = self.check_status(self.cluster.buy(self.sale, self.customer, "one-key", where=1), 200)
        self.assertEqual(replay.json()["id"], first["id"])

    def test_same_lines_written_differently_are_the_same_body(self):
        first = self.bought(self.sale, self.customer, "k-1", quantity=2)
        reordered = b' {\n "quantity" : 2 , "sku" : "sneaker\\u002d42" }\n '
        replay = self.check_status(self.cluster.buy(self.sale, self.customer, "k-1", body=reordered), 200)
        self.assertEqual(replay.json()["id"], first["id"])

    def test_keys_belong_to_one_customer_and_one_sale(self):
        other_sale = self.cluster.create_sale()
        ids = {self.bought(self.sale, self.customer, "k")["id"],
               self.bought(self.sale, self.cluster.new_customer(), "k")["id"],
               self.bought(other_sale, self.customer, "k")["id"],
               self.bought(self.sale, self.customer, "k2")["id"]}
        self.assertEqual(len(ids), 4)

    def test_parts_of_an_order_id_do_not_run_into_each_other(self):
        base = self.cluster.new_customer()
        one = self.bought(self.sale, f"{base}|a", "b")
        two = self.bought(self.sale, base, "a|b")
        self.assertNotEqual(one["id"], two["id"])

    def test_reused_key_is_refused_and_changes_nothing(self):
        first = self.bought(self.sale, self.customer, "k-1")
        before = self.remaining()
        for where in (0, 1):
            for change in ({"quantity": 2}, {"sku": "sock"}):
                response = self.cluster.buy(self.sale, self.customer, "k-1", where=where, **change)
                self.check_status(response, 422, "idempotency-key-reused")
        self.assertEqual(self.remaining(), before)
        self.assertEqual(self.cluster.order(first["id"], self.customer).json(), first)

    def test_invalid_quantities(self):
        before = self.remaining()
        for quantity in (0, -1, 1_000_001, 2**31, 2**63, 10**30):
            with self.subTest(quantity=quantity):
                response = self.cluster.buy(self.sale, self.customer, quantity=quantity)
                self.check_status(response, 422, "invalid-quantity")
        self.assertEqual(self.remaining(), before)

    def test_malformed_bodies(self):
        before = self.remaining()
        bodies = {
            "no JSON": b"{",
            "empty": b"",
            "an array": b'[{"sku":"sneaker-42","quantity":1}]',
            "a string": b'"sneaker-42"',
            "fractional quantity": b'{"sku":"sneaker-42","quantity":1.5}',
            "string quantity": b'{"sku":"sneaker-42","quantity":"1"}',
            "null quantity": b'{"sku":"sneaker-42","quantity":null}',
            "boolean quantity": b'{"sku":"sneaker-42","quantity":true}',
            "no quantity": b'{"sku":"sneaker-42"}',
            "no sku": b'{"quantity":1}',
            "numeric sku": b'{"sku":42,"quantity":1}',
            "unknown member": b'{"sku":"sneaker-42","quantity":1,"gift":true}',
            "duplicate member": b'{"sku":"sneaker-42","quantity":1,"quantity":2}',
            "duplicate member, escaped": b'{"sku":"sneaker-42","sk\\u0075":"sock","quantity":1}',
            "trailing bytes": b'{"sku":"sneaker-42","quantity":1} x',
            "two values": b'{"sku":"sneaker-42","quantity":1}{}',
            "trailing comma": b'{"sku":"sneaker-42","quantity":1,}',
            "leading zero": b'{"sku":"sneaker-42","quantity":01}',
            "plus sign": b'{"sku":"sneaker-42","quantity":+1}',
            "comment": b'{"sku":"sneaker-42","quantity":1}//',
            "raw control character": b'{"sku":"sneaker\x0142","quantity":1}',
            "bad UTF-8": b'{"sku":"sneaker-\xff","quantity":1}',
            "overlong UTF-8": b'{"sku":"sneaker-\xc0\xaf","quantity":1}',
            "surrogate in UTF-8": b'{"sku":"\xed\xa0\x80","quantity":1}',
            "lone surrogate": b'{"sku":"\\ud800","quantity":1}',
            "byte order mark": b'\xef\xbb\xbf{"sku":"sneaker-42","quantity":1}',
            "NUL": b'{"sku":"sneaker-42","quantity":1}\x00',
            "very deep": b"[" * 2_000 + b"]" * 2_000,
        }
        for name, body in bodies.items():
            with self.subTest(name):
                self.check_status(self.cluster.buy(self.sale, self.customer, body=body), 400, "malformed-request")
        self.assertEqual(self.remaining(), before)

    def test_malformed_idempotency_keys(self):
        keys = {"missing": None, "empty": "", "empty quotes": '""', "too long": "k" * 256, "a space": "a b",
                "a control character": "a\x01b", "DEL": "a\x7fb", "not ASCII": "caf\xe9", "one quote": '"abc',
                "quoted, too long": '"' + "k" * 256 + '"'}
        for name, key in keys.items():
            with self.subTest(name):
                response = self.cluster.buy(self.sale, self.customer, "unused", headers={"Idempotency-Key": key})
                self.check_status(response, 400, "malformed-request")

    def test_longest_key_is_taken(self):
        first = self.bought(self.sale, self.customer, "k" * 255)
        replay = self.check_status(self.cluster.buy(self.sale, self.customer, '"' + "k" * 255 + '"'), 200)
        self.assertEqual(replay.json()["id"], first["id"])

    def test_two_keys_in_one_request_are_refused(self):
        body = b'{"sku":"sneaker-42","quantity":1}'
        request = (f"POST /v1/sales/{self.sale}/orders HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer "
                   f"{self.cluster.token(self.customer)}\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n"
                   f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n")
        received, _ = harness.raw_exchange(self.ports[0], request.encode() + body)
        self.assertEqual(harness.parse_raw(received)[0], 400, received)

    def test_unauthorized(self):
        secret = self.cluster.jwt_secret
        now = int(time.time())
        valid = self.cluster.token(self.customer)
        head, payload, signature = valid.split(".")
        none_header = base64url(json.dumps({"alg": "none", "typ": "JWT"}).encode())
        tokens = {
            "forged": make_token("another-secret-of-thirty-two-bytes!!", customer_claims(self.customer)),
            "payload swapped": ".".join((head, self.cluster.token("somebody-else").split(".")[1], signature)),
            "signature cut": valid[:-2],
            "no signature": f"{head}.{payload}.",
            "expired": make_token(secret, customer_claims(self.customer, exp=now - 3600)),
            "no exp": make_token(secret, customer_claims(self.customer, exp=None)),
            "exp is text": make_token(secret, customer_claims(self.customer, exp=str(now + 3600))),
            "not yet valid": make_token(secret, customer_claims(self.customer, nbf=now + 3600)),
            "alg none": f"{none_header}.{payload}.",
            "alg none, signed": make_token(secret, customer_claims(self.customer), {"alg": "none"}),
            "alg HS512": make_token(secret, customer_claims(self.customer), {"alg": "HS512"}),
            "alg in another case": make_token(secret, customer_claims(self.customer), {"alg": "hs256"}),
            "critical extension": make_token(secret, customer_claims(self.customer),
                                             {"alg": "HS256", "crit": ["b64"], "b64": False}),
            "wrong iss": make_token(secret, customer_claims(self.customer, iss="https://evil.example")),
            "no iss": make_token(secret, customer_claims(self.customer, iss=None)),
            "wrong aud": make_token(secret, customer_claims(self.customer, aud="another-shop")),
            "no aud": make_token(secret, customer_claims(self.customer, aud=None)),
            "no sub": make_token(secret, customer_claims(None)),
            "empty sub": make_token(secret, customer_claims("")),
            "sub too long": make_token(secret, customer_claims("c" * 256)),
            "never expires": make_token(secret, customer_claims(self.customer, exp=99_999_999_999)),
            "a logout token": make_token(secret, customer_claims(self.customer), {"alg": "HS256", "typ": "logout+jwt"}),
            "sub with a control character": make_token(secret, customer_claims("a\nb")),
            "sub is a number": make_token(secret, customer_claims(42)),
            "padding": valid + "=",
            "rubbish": "rubbish",
            "dots": "..",
        }
        for name, token in tokens.items():
            with self.subTest(name):
                response = self.cluster.buy(self.sale, self.customer, headers={"Authorization": f"Bearer {token}"})
                self.check_status(response, 401, "unauthorized")
                self.assertTrue((response.header("WWW-Authenticate") or "").startswith("Bearer"), repr(response))
        for name, value in {"missing": None, "empty": "", "basic": "Basic Zm9vOmJhcg==", "no token": "Bearer"}.items():
            with self.subTest(name):
                response = self.cluster.buy(self.sale, self.customer, headers={"Authorization": value})
                self.check_status(response, 401, "unauthorized")
        self.check_status(self.cluster.buy(self.sale, self.customer, headers={
            "Authorization": None, "X-Customer-Id": self.customer}), 401, "unauthorized")
        self.assertEqual(self.cluster.query("SELECT count(*) FROM order_units WHERE customer_id = %s",
                                            (self.customer,)), [(0,)])

    def test_tokens_may_be_large(self):
        """Those of identity providers carry groups and roles."""
        token = self.cluster.token(self.customer, groups=[f"group-{number:05}" for number in range(750)])
        self.assertGreater(len(token), 12_000)
        response = self.cluster.buy(self.sale, self.customer, headers={"Authorization": f"Bearer {token}"})
        self.check_status(response, 201)
        # Beyond that the header block is too large.
        response = self.cluster.buy(self.sale, self.customer, headers={"Authorization": f"Bearer {token}{'x' * 5000}"})
        self.check_status(response, 431, "headers-too-large")

    def test_tokens_that_are_good(self):
        now = int(time.time())
        for changes in ({"aud": [harness.JWT_AUDIENCE, "another"]}, {"nbf": now - 10}, {"exp": now - 5},
                        {"nbf": now + 5}, {"scope": {"nested": [1, 2.5, None]}}, {"exp": now + 3600.5}):
            with self.subTest(changes):
                token = self.cluster.token(self.customer, **changes)
                response = self.cluster.buy(self.sale, self.customer, headers={"Authorization": f"bearer {token}"})
                self.check_status(response, 201)

    def test_customers_with_unusual_names(self):
        for name in ("ключ-λ-🙂", "with space and | pipe", "c" * 255, 'quote"\\'):
            with self.subTest(name):
                order = self.bought(self.sale, name, secrets.token_hex(4))
                self.assertEqual(self.cluster.order(order["id"], name, where=1).json()["id"], order["id"])
                self.assertEqual(self.cluster.query("SELECT customer_id FROM order_units WHERE order_id = %s",
                                                    (order["id"],)), [(name,)])

    def test_unknown_sale_and_item(self):
        self.check_status(self.cluster.buy("no-such-sale", self.customer), 404, "unknown-sale")
        self.check_status(self.cluster.buy(self.sale, self.customer, sku="no-such-item"), 404, "unknown-item")
        for odd in ("%2e%2e", "a%00b", "%ff", "x" * 300):
            with self.subTest(odd):
                self.assertIn(self.cluster.buy(odd, self.customer).status, (400, 404))

    def test_scheduled_sale_says_when_it_starts(self):
        starts_at = time.time() + 3600
        sale = self.cluster.create_sale(starts_at=starts_at, ends_at=starts_at + 60)
        response = self.check_status(self.cluster.buy(sale, self.customer), 409, "sale-not-open")
        self.assertAlmostEqual(harness.unix_time(response.json()["starts_at"]), starts_at, delta=0.001)

    def test_content_types(self):
        body = b'{"sku":"sneaker-42","quantity":1}'
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx"):
            response = self.cluster.buy(self.sale, self.customer, body=body, headers={"Content-Type": kind})
            self.check_status(response, 415, "unsupported-media-type")
        for kind in ("application/json; charset=utf-8", "Application/JSON"):
            response = self.cluster.buy(self.sale, self.customer, body=body, headers={"Content-Type": kind})
            self.check_status(response, 201)

    def test_content_encodings(self):
        body = b'{"sku":"sneaker-42","quantity":1}'
        for encoding, content in (("gzip", gzip.compress(body)), ("gzip", body), ("br", body), ("x", body),
                                  ("gzip, identity", body)):
            response = self.cluster.buy(self.sale, self.customer, body=content, headers={"Content-Encoding": encoding})
            self.check_status(response, 415, "unsupported-media-type")
            self.assertEqual(response.header("Accept-Encoding"), "identity")
        for encoding in ("identity", "Identity", ""):
            response = self.cluster.buy(self.sale, self.customer, body=body, headers={"Content-Encoding": encoding})
            self.check_status(response, 201)

    def test_private_answers_are_not_to_be_kept(self):
        answers = [self.cluster.buy(self.sale, self.customer, "k"), self.cluster.buy(self.sale, self.customer, "k"),
                   self.cluster.buy(self.sale, self.customer, sku="unknown"),
                   self.cluster.client().get("/v1/orders", self.cluster.bearer(self.customer)),
                   self.cluster.client().get("/v1/orders"), self.cluster.admin("GET", "/admin/v1/sales"),
                   self.cluster.admin("GET", "/metrics"), self.cluster.client().get("/readyz")]
        answers.append(self.cluster.order(answers[0].json()["id"], self.customer))
        answers.append(self.cluster.cancel(answers[0].json()["id"], self.customer))
        self.assertEqual([answer.status for answer in answers], [201, 200, 404, 200, 401, 200, 200, 200, 200, 200])
        for answer in answers:
            self.assertEqual(answer.header("Cache-Control"), "no-store", repr(answer))
        for path in ("/v1/sales", f"/v1/sales/{self.sale}"):
            self.assertEqual(self.cluster.client().get(path).header("Cache-Control"), "public, max-age=1")

    def test_anothers_order_takes_the_way_of_an_unknown_one(self):
        """Or else how soon the answer comes would tell that there is such an order."""
        order = self.check_status(self.cluster.buy(self.sale, self.customer), 201).json()["id"]
        unknown = str(uuid.uuid5(uuid.NAMESPACE_URL, self.customer))
        self.cluster.redis.pause()
        try:
            answers = [self.cluster.order(which, self.cluster.new_customer()) for which in (order, unknown)]
        finally:
            self.cluster.redis.resume()
        self.assertEqual(answers[0].status, answers[1].status, answers)
        harness.wait_until(lambda: self.cluster.order(order, self.cluster.new_customer()).status == 404, 10,
                           "another's order is not answered 404")

    def test_a_body_too_large_for_an_order(self):
        body = b'{"sku":"sneaker-42","quantity":1}'
        response = self.cluster.buy(self.sale, self.customer, body=body + b" " * (4_097 - len(body)))
        self.check_status(response, 413, "payload-too-large")
        self.check_status(self.cluster.buy(self.sale, self.customer, body=body), 201)

    def test_a_body_too_large_for_anything(self):
        body = b'{"sku":"sneaker-42","quantity":1' + b" " * 65_536 + b"}"
        head = (f"POST /v1/sales/{self.sale}/orders HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer "
                f"{self.cluster.token(self.customer)}\r\nIdempotency-Key: a\r\nContent-Type: application/json\r\n")
        received, closed = harness.raw_exchange(self.ports[0], (head + f"Content-Length: {len(body)}\r\n\r\n").encode()
                                                + body)
        status, headers, content = harness.parse_raw(received)
        self.assertEqual(status, 413, received)
        self.assertEqual(json.loads(content)["type"], "/problems/payload-too-large")
        self.assertTrue(closed)
        chunked = (head + "Transfer-Encoding: chunked\r\n\r\n").encode() + f"{len(body):x}\r\n".encode() + body + \
            b"\r\n0\r\n\r\n"
        received, _ = harness.raw_exchange(self.ports[0], chunked)
        self.assertEqual(harness.parse_raw(received)[0], 413, received)

    def test_largest_body_is_taken(self):
        body = b'{"sku":"sneaker-42","quantity":1}'
        body += b" " * (4_096 - len(body))
        self.check_status(self.cluster.buy(self.sale, self.customer, body=body), 201)

    def test_header_block_too_large(self):
        response = harness.raw_exchange(self.ports[0], b"GET /v1/sales HTTP/1.1\r\nHost: shop\r\nX-Filler: " +
                                        b"f" * 17_000 + b"\r\n\r\n")[0]
        status, _, content = harness.parse_raw(response)
        self.assertEqual(status, 431, response)
        self.assertEqual(json.loads(content)["type"], "/problems/headers-too-large")

    def test_wrong_method_and_wrong_path(self):
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            response = self.cluster.client().request(method, f"/v1/sales/{self.sale}/orders")
            self.check_status(response, 405, "method-not-allowed")
            self.assertIn("POST", re.split(r",\s*", response.header("Allow") or ""))
        response = self.check_status(self.cluster.client().request("POST", "/v1/sales"), 405, "method-not-allowed")
        self.assertIn("GET", re.split(r",\s*", response.header("Allow") or ""))
        for path in ("/", "/v1", "/v1/sales/", f"/v1/sales/{self.sale}/orders/", "/v1/nothing", "/v2/sales"):
            self.check_status(self.cluster.client().get(path), 404, "not-found")

    def test_problem_pages_explain_themselves(self):
        for name in ("sold-out", "limit-exceeded", "sale-not-open", "malformed-request", "unauthorized",
                     "unknown-sale", "unknown-item", "idempotency-key-reused", "invalid-quantity", "rate-limited",
                     "overloaded", "unavailable", "outcome-unknown"):
            response = self.check_status(self.cluster.client().get(f"/problems/{name}"), 200)
            self.assertGreater(len(response.body), 40)
        self.check_status(self.cluster.client().get("/problems/none-such"), 404, "not-found")

    def test_respond_async(self):
        response = self.cluster.buy(self.sale, self.customer, "k-1", headers={"Prefer": "respond-async"})
        self.check_status(response, 202)
        order = response.json()
        self.assertEqual(order["status"], "pending")
        self.assertEqual(set(order), ORDER_MEMBERS)
        self.assertEqual(response.header("Location"), f"/v1/orders/{order['id']}")
        self.assertGreaterEqual(int(response.header("Retry-After")), 1)
        final = self.cluster.wait_final(order["id"], self.customer, where=1)
        self.assertEqual(final["status"], "confirmed")
        replay = self.check_status(self.cluster.buy(self.sale, self.customer, "k-1"), 200)
        self.assertEqual(replay.json(), final)

    def test_orders_of_others_are_not_found(self):
        order = self.bought(self.sale, self.customer, "k-1")
        stranger = self.cluster.new_customer()
        for where in (0, 1):
            self.check_status(self.cluster.order(order["id"], stranger, where), 404, "unknown-order")
            self.assertEqual(self.check_status(self.cluster.order(order["id"], self.customer, where), 200).json(),
                             order)
        self.check_status(self.cluster.cancel(order["id"], stranger), 404, "unknown-order")
        self.check_status(self.cluster.order("00000000-0000-5000-8000-000000000000", stranger), 404, "unknown-order")
        self.assertIn(self.cluster.order("not-a-uuid", stranger).status, (400, 404))
        self.check_status(self.cluster.client().get(f"/v1/orders/{order['id']}"), 401, "unauthorized")
        self.assertEqual(self.cluster.order(order["id"], self.customer).json()["status"], "confirmed")

    def test_list_holds_all_own_orders_by_their_ids(self):
        ids = [self.bought(self.sale, self.customer, f"k-{n}")["id"] for n in range(5)]
        self.bought(self.sale, self.cluster.new_customer(), "k-0")
        response = self.cluster.client(1).get("/v1/orders", self.cluster.bearer(self.customer))
        listed = self.check_status(response, 200).json()
        self.assertEqual([order["id"] for order in listed["orders"]], sorted(ids))
        self.assertEqual(set(listed["orders"][0]), ORDER_MEMBERS)
        nobody = self.cluster.client().get("/v1/orders", self.cluster.bearer(self.cluster.new_customer()))
        self.assertEqual(self.check_status(nobody, 200).json()["orders"], [])
        self.check_status(self.cluster.client().get("/v1/orders"), 401, "unauthorized")

    def test_list_goes_on_behind_a_cursor(self):
        ids = [self.bought(self.sale, self.customer, f"k-{n}")["id"] for n in range(7)]
        listed, path = [], "/v1/orders?limit=3"
        for _ in range(4):
            page = self.check_status(self.cluster.client().get(path, self.cluster.bearer(self.customer)), 200).json()
            self.assertLessEqual(len(page["orders"]), 3)
            listed += [order["id"] for order in page["orders"]]
            if not page.get("next_cursor"):
                break
            path = f"/v1/orders?limit=3&cursor={page['next_cursor']}"
        self.assertEqual(listed, sorted(ids))
        self.check_status(self.cluster.client().get("/v1/orders?fbclid=x&limit=1&utm_source=%zz",
                                                    self.cluster.bearer(self.customer)), 200)
        for query in ("limit=0", "limit=abc", "cursor=rubbish", "limit=-1"):
            response = self.cluster.client().get(f"/v1/orders?{query}", self.cluster.bearer(self.customer))
            self.check_status(response, 400, "malformed-request")


class CancelTest(BuyCase):
    def test_cancel_gives_the_unit_back(self):
        sale = self.cluster.create_sale(stock=1, limit=1)
        customer = self.cluster.new_customer()
        order = self.bought(sale, customer, "k-1")
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 409, "sold-out")
        response = self.check_status(self.cluster.cancel(order["id"], customer, where=1), 200)
        self.assertEqual(response.json(), order | {"status": "cancelled"})
        self.check_status(self.cluster.cancel(order["id"], customer), 200)
        for where in (0, 1):
            replay = self.check_status(self.cluster.buy(sale, customer, "k-1", where=where), 200)
            self.assertEqual(replay.header("Idempotency-Replayed"), "true")
            self.assertEqual(replay.json()["status"], "cancelled")
        other = self.cluster.new_customer()
        harness.wait_until(lambda: self.cluster.buy(sale, other, "k-2").status in (200, 201), 3,
                           "the unit that was given back cannot be bought", 0.05)
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 409, "sold-out")
        audit = self.cluster.wait_consistent(sale)
        self.assertEqual([(item["sold"], item["remaining"]) for item in audit["items"]], [(1, 0)])

    def test_cancel_asks_for_nothing_else(self):
        sale = self.cluster.create_sale(stock=5)
        customer = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer, quantity=4), 201).json()
        path, headers = f"/v1/orders/{order['id']}/cancel", self.cluster.bearer(customer)
        as_json = headers | {"Content-Type": "application/json"}
        for body in (b'{"quantity":1}', b'{"lines":[]}', b"[]", b"null", b"{", b"quantity=1", b"{}{}", b" "):
            refused = self.cluster.client().request("POST", path, body, as_json)
            self.check_status(refused, 400, "malformed-request")
        self.assertEqual(self.cluster.order(order["id"], customer).json(), order)
        self.cluster.wait_remaining(sale, 1)
        cancelled = self.cluster.client().request("POST", path, b" { } ", as_json)
        self.assertEqual(self.check_status(cancelled, 200).json()["status"], "cancelled")
        self.check_status(self.cluster.client().request("POST", path, b"", headers), 200)

    def test_cancel_gives_the_limit_back(self):
        sale = self.cluster.create_sale(stock=10, limit=1)
        customer = self.cluster.new_customer()
        order = self.bought(sale, customer, "k-1")
        self.check_status(self.cluster.buy(sale, customer, "k-2"), 409, "limit-exceeded")
        self.check_status(self.cluster.cancel(order["id"], customer), 200)
        harness.wait_until(lambda: self.cluster.buy(sale, customer, "k-3").status in (200, 201), 3,
                           "the limit was not given back", 0.05)

    def test_many_cancel_the_same_order_and_one_unit_comes_back(self):
        sale = self.cluster.create_sale(stock=5)
        customer = self.cluster.new_customer()
        order = self.bought(sale, customer, "k-1", quantity=2)
        answers = crowd(self.ports, 40, lambda _, client: client.request(
            "POST", f"/v1/orders/{order['id']}/cancel", headers=self.cluster.bearer(customer)))
        self.assertEqual({answer.status for answer in answers}, {200})
        audit = self.cluster.wait_consistent(sale)
        self.assertEqual([(item["sold"], item["remaining"]) for item in audit["items"]], [(0, 5)])

    def test_buying_and_cancelling_at_once_strands_nothing(self):
        sale = self.cluster.create_sale(stock=10)

        def work(number, client):
            customer = self.cluster.new_customer()
            purchases = []
            for turn in range(6):
                response = self.cluster.buy(sale, customer, f"k-{turn}", client=client)
                purchase = self.purchase(sale, customer, f"k-{turn}", response)
                purchases.append(purchase)
                if response.status == 201 and (number + turn) % 3:
                    answer = client.request("POST", f"/v1/orders/{response.json()['id']}/cancel",
                                            headers=self.cluster.bearer(customer))
                    self.check_status(answer, 200)
                    purchase.outcome = answer.json()["status"]
                elif response.status not in (201, 409):
                    raise AssertionError(repr(response))
                time.sleep(0.05)
            return purchases

        check_buyers(self.cluster, sum(crowd(self.ports, 40, work), []))

    def test_cancel_of_an_order_that_is_not_written_yet(self):
        sale = self.cluster.create_sale(stock=5)
        customer = self.cluster.new_customer()
        with self.cluster.locked_items(sale):
            order = self.check_status(self.cluster.buy(sale, customer, "k-1", headers={"Prefer": "respond-async"}),
                                      202).json()
            answers = []
            thread = threading.Thread(target=lambda: answers.append(self.cluster.cancel(order["id"], customer)))
            thread.start()
            time.sleep(0.3)
        thread.join()
        self.assertIn(answers[0].status, (200, 409, 503), repr(answers[0]))
        audit = self.cluster.wait_consistent(sale)
        cancelled = self.cluster.order(order["id"], customer).json()["status"] == "cancelled"
        if answers[0].status == 200:
            self.assertTrue(cancelled, "a cancelled order was sold after all")
        self.assertEqual([(item["sold"], item["remaining"]) for item in audit["items"]],
                         [(0, 5)] if cancelled else [(1, 4)])


class WaitTest(BuyCase):
    """PostgreSQL slower than the buyer's patience."""

    def taken_after(self, headers):
        sale = self.cluster.create_sale()
        customer = self.cluster.new_customer()
        with self.cluster.locked_items(sale):
            began = time.monotonic()
            response = self.check_status(self.cluster.buy(sale, customer, "k", headers=headers), 202)
            waited = time.monotonic() - began
            self.assertEqual(response.json()["status"], "pending")
            replay = self.cluster.buy(sale, customer, "k", where=1, headers={"Prefer": "respond-async"})
            self.assertIn(replay.status, (200, 202), repr(replay))
            self.assertEqual(replay.json()["id"], response.json()["id"])
            self.assertEqual(replay.json()["status"], "pending")
            self.assertEqual(self.cluster.order(response.json()["id"], customer, where=1).json()["status"], "pending")
        self.assertEqual(self.cluster.wait_final(response.json()["id"], customer)["status"], "confirmed")
        self.cluster.wait_consistent(sale)
        return waited

    def test_default_wait_is_two_seconds(self):
        waited = self.taken_after({})
        self.assertGreaterEqual(waited, 1.9)
        self.assertLess(waited, 2.9 * harness.SLOWNESS)

    def test_preferred_wait(self):
        waited = self.taken_after({"Prefer": "wait=1"})
        self.assertGreaterEqual(waited, 0.9)
        self.assertLess(waited, 1.8 * harness.SLOWNESS)

    def test_preferred_wait_among_others(self):
        waited = self.taken_after({"Prefer": 'handling=lenient, wait="1"; foo'})
        self.assertLess(waited, 2.9 * harness.SLOWNESS)

    def test_unusable_preferences_are_ignored(self):
        sale = self.cluster.create_sale()
        for prefer in ("wait=-1", "wait=abc", "wait", "nonsense", "wait=99999999999999999999", ";;;,,,"):
            with self.subTest(prefer):
                response = self.cluster.buy(sale, self.cluster.new_customer(), headers={"Prefer": prefer})
                self.check_status(response, 201)


class CrowdTest(BuyCase):
    """Many at once, through two instances."""

    def test_two_hundred_buyers_for_fifty_units(self):
        sale = self.cluster.create_sale(stock=50)

        def work(number, client):
            customer = self.cluster.new_customer()
            return self.purchase(sale, customer, "k", self.cluster.buy(sale, customer, "k", client=client))

        purchases = crowd(self.ports, 200, work)
        self.assertEqual(collections.Counter(p.statuses[0] for p in purchases), {201: 50, 409: 150})
        self.assertEqual({p.reason for p in purchases if p.outcome == "refused"}, {"sold-out"})
        check_buyers(self.cluster, purchases)
        for where in (0, 1):
            self.cluster.wait_remaining(sale, 0, where=where)

    def test_one_key_a_hundred_times(self):
        sale = self.cluster.create_sale(stock=50)
        customer = self.cluster.new_customer()
        answers = crowd(self.ports, 100, lambda _, client: self.cluster.buy(sale, customer, "k", client=client))
        counts = collections.Counter(answer.status for answer in answers)
        self.assertEqual(counts[201], 1, counts)
        self.assertEqual(counts[200], 99, counts)
        for answer in answers:
            if answer.status == 200:
                self.assertEqual(answer.header("Idempotency-Replayed"), "true")
        self.assertEqual(len({answer.json()["id"] for answer in answers}), 1)
        rows = self.cluster.query("SELECT customer_id, quantity, status FROM order_units WHERE sale_id = %s", (sale,))
        self.assertEqual(rows, [(customer, 1, "confirmed")])
        audit = self.cluster.wait_consistent(sale)
        self.assertEqual([(item["sold"], item["remaining"]) for item in audit["items"]], [(1, 49)])

    def test_one_key_with_two_bodies_at_once(self):
        sale = self.cluster.create_sale(stock=50)
        customer = self.cluster.new_customer()
        answers = crowd(self.ports, 60, lambda number, client: self.cluster.buy(
            sale, customer, "k", quantity=1 + number // 2 % 2, client=client))
        counts = collections.Counter(answer.status for answer in answers)
        self.assertEqual(counts[201], 1, counts)
        self.assertEqual(set(counts), {200, 201, 422}, counts)
        self.assertEqual(counts[422], 30, counts)
        audit = self.cluster.wait_consistent(sale)
        self.assertIn(audit["items"][0]["sold"], (1, 2))
        self.assertEqual(audit["items"][0]["sold"] + audit["items"][0]["remaining"], 50)

    def test_greedy_buyers_never_pass_their_limit(self):
        sale = self.cluster.create_sale(stock=25, limit=2)
        customers = [self.cluster.new_customer("greedy") for _ in range(10)]

        def work(number, client):
            customer, key = customers[number % 10], f"k-{number}"
            return self.purchase(sale, customer, key, self.cluster.buy(sale, customer, key, client=client))

        purchases = crowd(self.ports, 200, work)
        self.assertEqual(collections.Counter(p.statuses[0] for p in purchases), {201: 20, 409: 180})
        self.assertEqual({p.reason for p in purchases if p.outcome == "refused"}, {"limit-exceeded"})
        per_customer = collections.Counter(p.customer for p in purchases if p.promised)
        self.assertEqual(set(per_customer.values()), {2})
        self.assertEqual(self.cluster.wait_consistent(sale)["items"][0]["remaining"], 5)
        self._sell_the_rest(sale, 5, purchases)

    def test_greedy_buyers_with_mixed_quantities(self):
        sale = self.cluster.create_sale(stock=40, limit=3)
        customers = [self.cluster.new_customer("greedy") for _ in range(12)]
        quantities = (1, 2, 3, 4, 2, 1, 3, 5)

        def work(number, client):
            customer, key = customers[number % 12], f"k-{number}"
            quantity = quantities[number // 12 % len(quantities)]
            return self.purchase(sale, customer, key, self.cluster.buy(sale, customer, key, quantity=quantity,
                                                                       client=client), quantity=quantity)

        purchases = crowd(self.ports, 12 * 16, work)
        self.assertEqual({p.statuses[0] for p in purchases}, {201, 409})
        units = collections.Counter()
        for purchase in purchases:
            if purchase.promised:
                units[purchase.customer] += purchase.quantity
                self.assertLessEqual(purchase.quantity, 3)
        # Everyone also asked for single units, so nobody can end below the limit.
        self.assertEqual(set(units.values()), {3})
        self._sell_the_rest(sale, 40 - 36, purchases)

    def test_small_orders_fill_what_a_large_one_could_not_have(self):
        sale = self.cluster.create_sale(stock=3)
        refusal = self.check_status(self.cluster.buy(sale, self.cluster.new_customer(), quantity=4), 409, "sold-out")
        self.assertEqual("fewer units of an item are left than the order asks for", refusal.json()["detail"])
        self.bought(sale, self.cluster.new_customer(), "k", quantity=3)
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer(), where=1), 409, "sold-out")

    def _sell_the_rest(self, sale, left, purchases):
        for number in range(left + 3):
            customer = self.cluster.new_customer("late")
            response = self.cluster.buy(sale, customer, "k", where=number % 2)
            self.check_status(response, *((201,) if number < left else (409, "sold-out")))
            purchases.append(self.purchase(sale, customer, "k", response))
        check_buyers(self.cluster, purchases)

    def test_many_items_and_sales_at_once(self):
        sales = [self.cluster.create_sale(items=[item_definition(f"sku-{n}", 5, limit=1) for n in range(4)])
                 for _ in range(3)]

        def work(number, client):
            purchases = []
            for turn in range(6):
                customer = self.cluster.new_customer()
                sale, sku = sales[(number + turn) % 3], f"sku-{(number // 3 + turn) % 4}"
                response = self.cluster.buy(sale, customer, "k", sku=sku, client=client)
                purchases.append(self.purchase(sale, customer, "k", response, sku=sku))
            return purchases

        purchases = sum(crowd(self.ports, 60, work), [])
        self.assertEqual(collections.Counter(p.statuses[0] for p in purchases), {201: 60, 409: 300})
        check_buyers(self.cluster, purchases)


class ReplayBeforeRefusalTest(BuyCase):
    """R9: whoever has an order and repeats the key gets the order, whatever would refuse a new one."""

    settings = {"rate_limit.enabled": False}  # a quick machine asks more than a hundred times a second

    def winners_and_losers(self, sale, winners, refusal, seconds=0.8, limit_refusal=None):
        """For a while, from both instances: new keys are refused, old keys are answered, reused keys are told."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for where in (0, 1):
                response = self.cluster.buy(sale, self.cluster.new_customer(), where=where)
                self.check_status(response, 409, refusal)
                for customer, order in winners.items():
                    replay = self.check_status(self.cluster.buy(sale, customer, "k", where=where), 200)
                    self.assertEqual(replay.header("Idempotency-Replayed"), "true")
                    self.assertEqual(replay.json(), order)
                    self.check_status(self.cluster.buy(sale, customer, "k", quantity=2, where=where), 422,
                                      "idempotency-key-reused")
                    self.check_status(self.cluster.buy(sale, customer, "another", where=where), 409,
                                      limit_refusal or refusal)

    def sell(self, sale, count):
        winners = {}
        for number in range(count):
            customer = self.cluster.new_customer()
            winners[customer] = self.bought(sale, customer, "k", where=number % 2)
        return winners

    def test_sold_out(self):
        sale = self.cluster.create_sale(stock=4)
        self.winners_and_losers(sale, self.sell(sale, 4), "sold-out")

    def test_sold_out_with_a_cancelled_order(self):
        sale = self.cluster.create_sale(stock=2)
        winners = self.sell(sale, 2)
        leaver = next(iter(winners))
        self.check_status(self.cluster.cancel(winners[leaver]["id"], leaver), 200)
        winners[leaver] = winners[leaver] | {"status": "cancelled"}
        newcomer = self.cluster.new_customer()
        harness.wait_until(lambda: self.cluster.buy(sale, newcomer, "k").status in (200, 201), 3, "no unit came back")
        winners[newcomer] = self.cluster.buy(sale, newcomer, "k").json()
        self.winners_and_losers(sale, winners, "sold-out")

    def test_keys_of_another_item_while_one_is_sold_out(self):
        """The mark of an item that is sold out does not know what is sold of the others since. So a key of theirs that
        asks for it is told either that it is sold out or whose key it is; but nobody's own order is ever refused."""
        sale = self.cluster.create_sale(items=[item_definition(stock=2), item_definition("sock", 6)])
        owners = {customer: ("sneaker-42", order) for customer, order in self.sell(sale, 2).items()}
        harness.wait_until(lambda: self.asked_for_nothing(sale), 10, "no mark")
        for number in range(6):
            customer = self.cluster.new_customer()
            owners[customer] = ("sock", self.bought(sale, customer, "k", sku="sock", where=number % 2))
            self.check_replays(sale, owners)
        harness.wait_until(lambda: self.asked_for_nothing(sale, "sock"), 10, "no mark")
        self.check_replays(sale, owners)

    def asked_for_nothing(self, sale, sku="sneaker-42"):
        """Whether both instances refuse it from memory."""
        before = self.asked_of_redis()
        for where in (0, 1, 0, 1, 0, 1, 0, 1):
            response = self.cluster.buy(sale, self.cluster.new_customer(), sku=sku, where=where)
            self.check_status(response, 409, "sold-out")
        return self.asked_of_redis() == before

    def check_replays(self, sale, owners):
        for where in (0, 1):
            for customer, (sku, order) in owners.items():
                replay = self.check_status(self.cluster.buy(sale, customer, "k", sku=sku, where=where), 200)
                self.assertEqual(replay.json(), order)
                other = "sock" if sku == "sneaker-42" else "sneaker-42"
                response = self.cluster.buy(sale, customer, "k", sku=other, where=where)
                if sku == "sock" and response.status == 409:
                    self.check_status(response, 409, "sold-out")
                else:
                    self.check_status(response, 422, "idempotency-key-reused")

    def asked_of_redis(self):
        total = 0
        for instance in self.cluster.instances:
            for line in instance.admin("GET", "/metrics").body.decode().splitlines():
                if line.startswith("flashsale_dependency_seconds_count") and 'operation="reserve"' in line:
                    total += float(line.rsplit(" ", 1)[1])
        return total

    def test_sold_out_while_units_keep_coming_back(self):
        """One comes back every half second and is sold again at once, when it has rested: in between all are refused,
        and most of them from memory."""
        sale = self.cluster.create_sale(stock=3)
        winners = self.sell(sale, 3)
        asked_before, asks = self.asked_of_redis(), 0
        deadline = time.monotonic() + 6
        while time.monotonic() < deadline:
            leaver = next(customer for customer, order in winners.items() if order["status"] == "confirmed")
            self.check_status(self.cluster.cancel(winners[leaver]["id"], leaver), 200)
            winners[leaver] = winners[leaver] | {"status": "cancelled"}
            newcomer = None
            while newcomer not in winners:
                for where in (0, 1):
                    newcomer = self.cluster.new_customer()
                    response = self.cluster.buy(sale, newcomer, "k", where=where)
                    asks += 1
                    if response.status == 201:
                        winners[newcomer] = response.json()
                        break
                    self.check_status(response, 409, "sold-out")
            for customer, order in winners.items():
                replay = self.check_status(self.cluster.buy(sale, customer, "k", where=asks % 2), 200)
                asks += 1
                self.assertEqual(replay.json(), order)
        asked = self.asked_of_redis() - asked_before
        self.assertLess(asked, 0.8 * asks, "hardly anybody is refused from memory")

    def test_limit_exceeded(self):
        sale = self.cluster.create_sale(stock=50, limit=1)
        customer = self.cluster.new_customer()
        order = self.bought(sale, customer, "k")
        for where in (0, 1):
            self.check_status(self.cluster.buy(sale, customer, "k-2", where=where), 409, "limit-exceeded")
            self.assertEqual(self.check_status(self.cluster.buy(sale, customer, "k", where=where), 200).json(), order)

    def _in_state(self, state):
        sale = self.cluster.create_sale(stock=50)
        winners = self.sell(sale, 2)
        response = self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", {"state": state})
        self.check_status(response, 200)
        time.sleep(harness.FRESH_MS / 1000 * harness.SLOWNESS)
        self.winners_and_losers(sale, winners, "sale-not-open", 0.4)

    def test_paused(self):
        self._in_state("paused")

    def test_closed(self):
        self._in_state("closed")

    def test_ended_by_the_clock(self):
        ends_at = time.time() + 1.5 * harness.SLOWNESS
        sale = self.cluster.create_sale(stock=50, ends_at=ends_at)
        winners = self.sell(sale, 2)
        time.sleep(max(0.0, ends_at - time.time()) + harness.FRESH_MS / 1000 * harness.SLOWNESS)
        self.winners_and_losers(sale, winners, "sale-not-open", 0.4)


class EndByTheClockTest(BuyCase):
    """The first order of a sale comes in its last moment, between two pulses of the other instance: that has seen a
    sale without orders, and sees now that it is over."""

    settings = {"rate_limit.enabled": False}

    def last_moments(self, place, meet):
        """Until five orders have come just before the end. `place(sale)` gives a response of instance 2, `meet` gets it
        right after the end, at the other one."""
        met = 0
        for _ in range(40):
            ends_at = time.time() + 0.7
            sale = self.cluster.create_sale(stock=50, ends_at=ends_at)
            harness.wait_until(lambda sale=sale: all(self.cluster.client(where).get(f"/v1/sales/{sale}").status == 200
                                                     for where in (0, 1)), 5, "the sale is not known")
            time.sleep(max(0.0, ends_at - 0.045 - time.time()))
            customer = self.cluster.new_customer()
            response = place(sale, customer)
            if response.status == 409:
                continue  # too late, on a busy machine
            time.sleep(max(0.0, ends_at + 0.002 - time.time()))
            meet(sale, customer, response)
            met += 1
            if met == 5:
                return
        self.fail("hardly any order came before its sale ended")

    def test_the_key_finds_its_order(self):
        def meet(sale, customer, response):
            self.assertEqual(response.status, 201, repr(response))
            replay = self.check_status(self.cluster.buy(sale, customer, "k", where=0), 200)
            self.assertEqual(replay.json(), response.json())

        self.last_moments(lambda sale, customer: self.cluster.buy(sale, customer, "k", where=1), meet)

    def test_an_order_that_is_not_written_yet_is_found(self):
        def place(sale, customer):
            locks.enter_context(self.cluster.locked_items(sale))
            return self.cluster.buy(sale, customer, "k", where=1, headers={"Prefer": "respond-async"})

        def meet(sale, customer, response):
            self.assertEqual(response.status, 202, repr(response))
            order = response.json()["id"]
            found = self.check_status(self.cluster.order(order, customer, where=0), 200)
            self.assertEqual(found.json()["status"], "pending")
            replay = self.cluster.buy(sale, customer, "k", where=0, headers={"Prefer": "respond-async"})
            self.check_status(replay, 200)
            locks.close()
            self.assertEqual(self.cluster.wait_final(order, customer, where=0)["status"], "confirmed")

        with contextlib.ExitStack() as locks:
            self.last_moments(place, meet)


class RateLimitTest(BuyCase):
    instances = 1
    settings = {"rate_limit.requests_per_s": 2, "rate_limit.burst": 4}

    def test_over_the_limit(self):
        sale = self.cluster.create_sale()
        customer = self.cluster.new_customer()
        answers = [self.cluster.buy(sale, customer, f"k-{n}") for n in range(8)]
        refused = [answer for answer in answers if answer.status == 429]
        self.assertEqual([answer.status for answer in answers[:4]], [201] * 4)
        self.assertGreaterEqual(len(refused), 3, answers)
        for answer in refused:
            self.check_status(answer, 429, "rate-limited")
            self.assertGreaterEqual(int(answer.header("Retry-After")), 1)
            self.assertRegex(answer.header("RateLimit") or "", r"\br=0\b")
            self.assertRegex(answer.header("RateLimit-Policy") or "", r"\bq=\d+")
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
        time.sleep(int(refused[-1].header("Retry-After")))
        self.check_status(self.cluster.buy(sale, customer, "k-late"), 201)
        # Whoever cannot say who they are must not be able to use up anybody's share.
        for _ in range(10):
            self.check_status(self.cluster.buy(sale, customer, headers={"Authorization": "Bearer x.y.z"}), 401,
                              "unauthorized")
        audit = self.cluster.wait_consistent(sale)
        self.assertEqual(audit["items"][0]["sold"], len([a for a in answers if a.status == 201]) + 2)

    def test_a_body_that_comes_late_is_judged_when_it_comes(self):
        """Its head came before other requests of this customer, which must not count twice against it."""
        sale, customer = self.cluster.create_sale(), self.cluster.new_customer()
        body = b'{"sku":"sneaker-42","quantity":1}'
        head = (f"POST /v1/sales/{sale}/orders HTTP/1.1\r\nHost: shop\r\nIdempotency-Key: slow\r\nAuthorization: "
                f"Bearer {self.cluster.token(customer)}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n").encode()
        with socket.create_connection(("127.0.0.1", self.ports[0]), timeout=20 * SLOWNESS) as sock:
            sock.sendall(head)
            time.sleep(0.3)  # the head is read
            answers = [self.cluster.buy(sale, customer, f"quick-{number}") for number in range(4)]
            self.assertEqual([answer.status for answer in answers], [201] * 4)
            time.sleep(1.5)  # enough for three more
            sock.sendall(body)
            received = b""
            while chunk := sock.recv(65536):
                received += chunk
        self.assertEqual(harness.parse_raw(received)[0], 201, received)


class WhoTest(BuyCase):
    """Other ways to say who one is: gateway mode, and tokens signed with public keys."""

    instances = 1

    def setUp(self):
        self.customer = self.cluster.new_customer()
        self.sale = self.cluster.create_sale()

    def buy_at(self, instance, headers, key=None):
        with contextlib.closing(instance.client()) as client:
            return self.cluster.buy(self.sale, self.customer, key, client=client, headers=headers)

    def test_gateway_mode(self):
        instance = self.cluster.add_instance({"auth.mode": "gateway"})
        order = self.check_status(self.buy_at(instance, {"Authorization": None, "X-Customer-Id": self.customer}, "k"),
                                  201).json()
        # What proxies make of two such fields.
        for two in (f"{self.customer}, mallory", f"{self.customer},"):
            self.check_status(self.buy_at(instance, {"Authorization": None, "X-Customer-Id": two}), 401, "unauthorized")
        self.assertEqual(self.cluster.query("SELECT customer_id FROM order_units WHERE order_id = %s",
                                            (order["id"],)), [(self.customer,)])
        self.check_status(self.buy_at(instance, {"Authorization": None}), 401, "unauthorized")
        self.check_status(self.buy_at(instance, {"X-Customer-Id": None}), 401, "unauthorized")
        for name in ("", "c" * 256):
            self.assertIn(self.buy_at(instance, {"Authorization": None, "X-Customer-Id": name}).status, (400, 401))
        # The same customer by token on another instance is the same customer.
        self.check_status(self.cluster.buy(self.sale, self.customer, "k"), 200)

    def test_gateway_that_is_not_trusted(self):
        instance = self.cluster.add_instance({"auth.mode": "gateway", "auth.gateway_peers": "10.11.12.0/24"})
        response = self.buy_at(instance, {"Authorization": None, "X-Customer-Id": self.customer})
        self.check_status(response, 401, "unauthorized")

    def test_rs256_and_algorithm_confusion(self):
        private, public = self._key_pair("rsa", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
        instance = self.cluster.add_instance({"jwt.public_key_file": public, "jwt.public_key_algorithm": "RS256"})
        claims = customer_claims(self.customer)
        good = self._sign({"alg": "RS256", "typ": "JWT"}, claims, "dgst", "-sha256", "-sign", private)
        self.check_status(self.buy_at(instance, {"Authorization": f"Bearer {good}"}), 201)
        confused = make_token(public.read_text(), claims)
        self.check_status(self.buy_at(instance, {"Authorization": f"Bearer {confused}"}), 401, "unauthorized")
        other_private, _ = self._key_pair("other", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
        forged = self._sign({"alg": "RS256"}, claims, "dgst", "-sha256", "-sign", other_private)
        self.check_status(self.buy_at(instance, {"Authorization": f"Bearer {forged}"}), 401, "unauthorized")

    def test_eddsa_by_key_set(self):
        private, public = self._key_pair("ed", "ED25519")
        der = base64.b64decode("".join(public.read_text().splitlines()[1:-1]))
        keys = self.cluster.directory / "jwks.json"
        keys.write_text(json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
                                              "kid": "winter", "x": base64url(der[-32:])}]}))
        instance = self.cluster.add_instance({"jwt.jwks_file": keys})
        claims = customer_claims(self.customer)
        for kid, status in (("winter", 201), ("summer", 401)):
            token = self._sign({"alg": "EdDSA", "kid": kid}, claims, "pkeyutl", "-sign", "-rawin", "-inkey", private)
            response = self.buy_at(instance, {"Authorization": f"Bearer {token}"})
            self.assertEqual(response.status, status, repr(response))

    def _key_pair(self, name, algorithm, *options):
        private, public = (self.cluster.directory / f"{name}.{part}.pem" for part in ("private", "public"))
        subprocess.run(["openssl", "genpkey", "-algorithm", algorithm, *options, "-out", private], check=True,
                       capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True,
                       capture_output=True)
        return private, public

    def _sign(self, header, claims, *command):
        text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        signed = self.cluster.directory / "to-sign"
        signed.write_text(text)
        arguments = ["-in", str(signed)] if command[0] == "pkeyutl" else [str(signed)]
        signature = subprocess.run(["openssl", *map(str, command), *arguments], check=True,
                                   capture_output=True).stdout
        return f"{text}.{base64url(signature)}"


class OverloadTest(BuyCase):
    """P6: over a bound the answer is 503 with Retry-After, before any stock is touched."""

    instances = 1
    settings = {"checkout.in_flight_max": 8}

    def test_more_than_the_permits(self):
        sale = self.cluster.create_sale(stock=1000)

        def work(number, client):
            customer = self.cluster.new_customer()
            with contextlib.suppress(OSError, http.client.HTTPException):
                response = self.cluster.buy(sale, customer, "k", client=client)
                return self.purchase(sale, customer, "k", response), response
            raise AssertionError("a connection was cut")

        with self.cluster.locked_items(sale):
            answers = crowd([self.cluster.instances[0].port], 60, work)
        counts = collections.Counter(response.status for _, response in answers)
        self.assertEqual(counts[202], 8, counts)
        self.assertEqual(counts[503], 52, counts)
        for purchase, response in answers:
            if response.status == 503:
                self.check_status(response, 503, "overloaded")
                self.assertGreaterEqual(int(response.header("Retry-After")), 1)
                purchase.outcome = "refused"
            else:
                self.assertEqual(self.cluster.wait_final(response.json()["id"], purchase.customer)["status"],
                                 "confirmed")
                purchase.outcome = "confirmed"
        check_buyers(self.cluster, [purchase for purchase, _ in answers])
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)


class HeldItemTest(BuyCase):
    """Orders of an item whose row somebody holds keep their permits, and get half of them at most."""

    instances = 1
    settings = {"checkout.in_flight_max": 8, "postgres.lock_timeout_ms": 300}

    def test_others_have_permits_left(self):
        held, free = self.cluster.create_sale(stock=100), self.cluster.create_sale(stock=100)

        def buy(sale):
            customer = self.cluster.new_customer()
            response = self.cluster.buy(sale, customer, "k", headers={"Prefer": "respond-async"})
            return self.purchase(sale, customer, "k", response), response

        taken = []
        with self.cluster.locked_items(held):
            taken += [buy(held) for _ in range(4)]
            instance = self.cluster.instances[0]
            harness.wait_until(lambda: "their orders wait" in instance.process.log_text(), 20, "it is not noticed")
            time.sleep(2 * SLOWNESS)  # of all four, whichever of the workers has them
            refused, response = buy(held)
            self.check_status(response, 503, "unavailable")
            refused.outcome = "refused"
            taken += [buy(free) for _ in range(3)]
        for purchase, response in taken:
            self.check_status(response, 202)
            purchase.outcome = self.cluster.wait_final(response.json()["id"], purchase.customer)["status"]
            self.assertEqual(purchase.outcome, "confirmed")
        check_buyers(self.cluster, [refused, *(purchase for purchase, _ in taken)])
        self.check_status(self.cluster.buy(held, self.cluster.new_customer()), 201)


if __name__ == "__main__":
    unittest.main()
