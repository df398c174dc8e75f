"""Who may do what in the admin API, until when, and what is kept of it: roles and ends of tokens; tokens, secrets and
keys that change while the server runs; who has read what names customers; and whose address a request came from.
"""

import contextlib
import datetime
import http.client
import json
import signal
import socket
import threading
import time
import unittest

import harness
import yaml
from harness import ADMIN_NAME, ClusterCase

# Every call of the admin API and the lowest role that it takes; {sale} and {order} are filled in.
CALLS = (
    ("GET", "/admin/v1/sales", "read"),
    ("GET", "/admin/v1/sales/{sale}", "read"),
    ("GET", "/admin/v1/sales/{sale}/audit", "read"),
    ("GET", "/admin/v1/sales/{sale}/report", "read"),
    ("GET", "/admin/v1/sales/{sale}/behaviour", "support"),
    ("GET", "/admin/v1/flags", "read"),
    ("GET", "/admin/v1/events/sinks", "read"),
    ("GET", "/admin/v1/orders?customer_id=nobody", "support"),
    ("GET", "/admin/v1/orders/{order}", "support"),
    ("POST", "/admin/v1/orders/{order}/cancel", "support"),
    ("GET", "/admin/v1/log", "support"),
    ("POST", "/admin/v1/sales", "operator"),
    ("PATCH", "/admin/v1/sales/{sale}", "operator"),
    ("POST", "/admin/v1/sales/{sale}/reset", "operator"),
    ("POST", "/admin/v1/sales/{sale}/items/sneaker-42/stock", "operator"),
    ("GET", "/admin/v1/sales/{sale}/orders.csv", "operator"),
    ("GET", "/admin/v1/events", "operator"),
    # Malformed, as what is let in has no end.
    ("GET", "/admin/v1/events/stream?after=none", "operator"),
    ("GET", "/admin/v1/ops/stream?after=none", "read"),
    ("POST", "/admin/v1/ops/links", "operator"),
    ("POST", "/admin/v1/customers/nobody/erase", "operator"),
    ("PUT", "/admin/v1/flags/live_stock", "operator"),
    ("GET", "/admin/v1/webhooks", "read"),
    ("POST", "/admin/v1/webhooks", "operator"),
    ("GET", "/admin/v1/webhooks/wh_none", "read"),
    ("PATCH", "/admin/v1/webhooks/wh_none", "operator"),
    ("DELETE", "/admin/v1/webhooks/wh_none", "operator"),
    ("GET", "/admin/v1/webhooks/wh_none/deliveries", "read"),
    ("POST", "/admin/v1/webhooks/wh_none/test", "operator"),
    ("POST", "/admin/v1/webhooks/wh_none/secret", "operator"),
)
ROLES = ("read", "support", "operator")


class AccessCase(ClusterCase):
    def reload(self, message="settings read again", where=0):
        """SIGHUP, until the log says what became of it; the line."""
        instance = self.cluster.instances[where]
        before = len(instance.process.log_text())
        instance.process.send(signal.SIGHUP)

        def told():
            for line in instance.process.log_text()[before:].splitlines():
                if f'"message":"{message}' in line:
                    return json.loads(line)
            return None
        return harness.wait_until(told, 10, f"the log does not say: {message}")

    def with_tokens(self, **tokens):
        """The usual one, and others: name_role="token"."""
        self.cluster.write_admin_tokens({ADMIN_NAME: self.cluster.admin_token} |
                                        {name.replace("_", ":"): token for name, token in tokens.items()})
        self.reload()


class RolesTest(AccessCase):
    def test_each_call_takes_its_role(self):
        self.with_tokens(rita_read="token-of-rita", sam_support="token-of-sam", olga_operator="token-of-olga")
        tokens = dict(zip(ROLES, ("token-of-rita", "token-of-sam", "token-of-olga")))
        sale = self.cluster.create_sale()
        order = self.check_status(self.cluster.buy(sale, "erin"), 201).json()["id"]
        for method, path, lowest in CALLS:
            for role, token in tokens.items():
                with self.subTest(method=method, path=path, role=role):
                    # A body that is none: whoever is let in is told of that, and nothing is changed.
                    body = b"{" if method != "GET" else None
                    response = self.cluster.admin(method, path.format(sale=sale, order=order), body, token=token)
                    if ROLES.index(role) < ROLES.index(lowest):
                        self.check_status(response, 403, "forbidden")
                        self.assertIn(f"needs {lowest}", response.json()["detail"])
                    else:
                        self.assertNotIn(response.status, (401, 403), repr(response))

    def test_the_table_has_every_call(self):
        described = set()
        for path, item in yaml.safe_load((harness.ROOT / "openapi.yaml").read_text(encoding="utf-8"))["paths"].items():
            if path.startswith("/admin/v1/"):
                described |= {(method.upper(), path) for method in item
                              if method in ("get", "post", "put", "patch", "delete")}
        shape = {"{sale}": "{sale_id}", "{order}": "{order_id}", "sneaker-42": "{sku}", "nobody/": "{customer_id}/",
                 "live_stock": "{name}", "wh_none": "{webhook_id}"}
        table = set()
        for method, path, _ in CALLS:
            path = path.partition("?")[0]
            for text, name in shape.items():
                path = path.replace(text, name)
            table.add((method, path))
        self.assertEqual(described, table)

    def with_brief_token(self, role):
        """token-of-temp, which ends in some seconds."""
        soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=4 * harness.SLOWNESS)
        name = f"temp:{role}:{soon.strftime('%Y-%m-%dT%H:%M:%SZ')}"
        self.cluster.write_admin_tokens({ADMIN_NAME: self.cluster.admin_token, name: "token-of-temp"})
        self.reload()

    def test_what_a_token_has_opened_ends_with_it(self):
        self.with_brief_token("operator")
        link = self.check_status(self.cluster.admin("POST", "/admin/v1/ops/links", {"valid_s": 600},
                                                    token="token-of-temp"), 200).json()
        self.assertLess(harness.unix_time(link["expires_at"]), time.time() + 60 * harness.SLOWNESS)
        with contextlib.ExitStack() as open_ones:
            answers = [self.stream(open_ones, path, token)
                       for path, token in (("/admin/v1/ops/stream", "token-of-temp"),
                                           ("/admin/v1/ops/stream", link["token"]),
                                           ("/admin/v1/events/stream", "token-of-temp"))]
            for answer in answers:
                self.check_ends(answer, 60 * harness.SLOWNESS)

    def stream(self, open_ones, path, token):
        connection = http.client.HTTPConnection("127.0.0.1", self.cluster.instances[0].admin_port,
                                                timeout=60 * harness.SLOWNESS)
        open_ones.callback(connection.close)
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = open_ones.enter_context(connection.getresponse())
        self.assertEqual(answer.status, 200)
        return answer

    def check_ends(self, answer, within_s):
        ends_at = time.monotonic() + within_s
        while answer.readline():
            self.assertLess(time.monotonic(), ends_at, "the stream goes on")

    def test_a_token_ends(self):
        self.with_brief_token("read")
        self.check_status(self.cluster.admin("GET", "/admin/v1/sales", token="token-of-temp"), 200)
        response = harness.wait_until(
            lambda: next(iter([answer for answer in [self.cluster.admin("GET", "/admin/v1/sales",
                                                                        token="token-of-temp")]
                               if answer.status != 200]), None), 15 * harness.SLOWNESS, "the token does not end")
        self.check_status(response, 401, "unauthorized")
        self.assertIn("expired", response.json()["detail"])
        self.check_status(self.cluster.admin("GET", "/admin/v1/sales"), 200)


class ReloadTest(AccessCase):
    settings = {"payments.webhook_tolerance_s": 300}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.secret_file = cls.cluster.directory / "jwt-secret"
        cls.secret_file.write_text(cls.cluster.jwt_secret)
        cls.webhook_file = cls.cluster.directory / "webhook-secrets"
        cls.webhook_file.write_text("whsec_" + "A" * 43 + "=\n")
        # Its own instance: the key and the provider's secret from files.
        cls.cluster.add_instance({"jwt.secret": None, "jwt.secret_file": cls.secret_file,
                                  "payments.webhook_secrets_file": cls.webhook_file})

    def test_tokens_change_without_a_restart(self):
        self.with_tokens(new_operator="token-of-new")
        self.check_status(self.cluster.admin("GET", "/admin/v1/log", token="token-of-new"), 200)
        self.cluster.write_admin_tokens({ADMIN_NAME: self.cluster.admin_token})
        line = self.reload()
        self.assertEqual("admin.tokens", line["changed"])
        self.check_status(self.cluster.admin("GET", "/admin/v1/log", token="token-of-new"), 401, "unauthorized")
        self.assertEqual("nothing", self.reload()["changed"])

    def test_what_is_wrong_changes_nothing(self):
        path = self.cluster.directory / "admin-tokens"
        good = path.read_text()
        try:
            path.write_text(good + "swordfish-in-the-wrong-place\n")
            line = self.reload("settings were not read again")
            self.assertIn("admin.tokens", line["error"])
            self.assertNotIn("swordfish", self.cluster.instances[0].process.log_text())
            path.unlink()
            self.assertIn("admin-tokens", self.reload("settings were not read again")["error"])
        finally:
            path.write_text(good)
        self.check_status(self.cluster.admin("GET", "/admin/v1/sales"), 200)
        self.reload()

    def test_keys_of_buyers_change_without_a_restart(self):
        sale = self.cluster.create_sale()
        self.check_status(self.cluster.buy(sale, "anna", where=1), 201)
        old, new = self.cluster.jwt_secret, "n" * 48
        self.secret_file.write_text(new)
        try:
            line = self.reload(where=1)
            self.assertEqual("jwt.secret", line["changed"])
            self.assertNotIn(new, self.cluster.instances[1].process.log_text())
            self.check_status(self.cluster.buy(sale, "anna", where=1), 401, "unauthorized")
            self.cluster.jwt_secret = new
            # Every thread has taken it: several connections, which threads take in turn.
            for number in range(8):
                with contextlib.closing(self.cluster.instances[1].client()) as client:
                    self.check_status(self.cluster.buy(sale, f"bob-{number}", client=client), 201)
        finally:
            self.cluster.jwt_secret = old
            self.secret_file.write_text(old)
            self.reload(where=1)
        self.check_status(self.cluster.buy(sale, "anna", where=1), 201)

    def test_a_secret_of_the_payment_provider_is_added(self):
        before = self.webhook_file.read_text()
        self.webhook_file.write_text(before + "whsec_" + "B" * 43 + "=\n")
        try:
            self.assertEqual("payments.webhook_secrets", self.reload(where=1)["changed"])
        finally:
            self.webhook_file.write_text(before)
            self.reload(where=1)

    def test_buyers_notice_nothing(self):
        """Requests go on while keys are read again and again."""
        sale = self.cluster.create_sale(stock=100_000)
        stop = time.monotonic() + 3
        number = 0
        while time.monotonic() < stop:
            self.cluster.instances[0].process.send(signal.SIGHUP)
            for _ in range(20):
                number += 1
                self.check_status(self.cluster.buy(sale, f"calm-{number}"), 201)
        self.assertGreater(number, 20)


class ReadersTest(AccessCase):
    def log_of(self, who):
        entries = self.check_status(self.cluster.admin("GET", "/admin/v1/log?limit=100"), 200).json()["entries"]
        return [(entry["action"], entry["subject"], entry["change"]) for entry in entries if entry["who"] == who]

    def test_who_has_read_orders_is_kept_without_a_name(self):
        self.with_tokens(sam_operator="token-of-sam")
        sale = self.cluster.create_sale()
        ids = [self.check_status(self.cluster.buy(sale, "erin-the-buyer"), 201).json()["id"] for _ in range(2)]
        for path in (f"/admin/v1/orders/{ids[0]}", "/admin/v1/orders?customer_id=erin-the-buyer&limit=1",
                     "/admin/v1/orders?customer_id=erin-the-buyer", "/admin/v1/orders?customer_id=nobody-at-all",
                     f"/admin/v1/sales/{sale}/orders.csv", f"/admin/v1/sales/{sale}", f"/admin/v1/sales/{sale}/report"):
            self.check_status(self.cluster.admin("GET", path, token="token-of-sam"), 200)
        by_id = sorted(ids)
        self.assertEqual([("orders.exported", sale, {}), ("orders.read", "", {"orders": by_id}),
                          ("orders.read", "", {"orders": by_id[:1]}), ("order.read", ids[0], {})],
                         self.log_of("sam"))
        log = self.cluster.admin("GET", "/admin/v1/log?limit=100").body.decode()
        self.assertNotIn("erin", log)


class AddressTest(AccessCase):
    nginx = True

    def lines(self, request_id):
        text = "".join(instance.process.log_text() for instance in self.cluster.instances)
        return [json.loads(line) for line in text.splitlines() if request_id in line]

    def logged(self, request_id):
        return harness.wait_until(lambda: self.lines(request_id), 5, "the request is not logged")[0]

    def test_the_clients_address_is_in_the_log(self):
        sale = self.cluster.create_sale(stock=1)
        self.check_status(self.cluster.buy(sale, "anna", headers={"X-Forwarded-For": "198.51.100.1, 192.0.2.7",
                                                                  "X-Request-Id": "forwarded-1"}), 201)
        line = self.logged("forwarded-1")
        self.assertEqual(("192.0.2.7", "127.0.0.1", 201), (line["client"], line["peer"], line["status"]))
        # A refusal; through NGINX, which lets nobody claim anything.
        self.check_status(self.cluster.buy(sale, "bob", where="edge", headers={"X-Forwarded-For": "192.0.2.9",
                                                                               "X-Request-Id": "forwarded-2"}),
                          409, "sold-out")
        line = self.logged("forwarded-2")
        self.assertEqual(("127.0.0.1", 409), (line["client"], line["status"]))

    def test_nobody_else_is_believed(self):
        instance = self.cluster.add_instance({"http.trusted_proxies": "10.0.0.0/8"})
        connection = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=10)
        connection.request("GET", "/v1/sales", headers={"X-Forwarded-For": "192.0.2.7", "X-Request-Id": "claimed-1"})
        self.assertEqual(200, connection.getresponse().status)
        connection.close()
        self.assertEqual("127.0.0.1", self.logged("claimed-1")["client"])

    def checkouts(self, request_id):
        """What the log has of a checkout in lines of their own, once its request is in it."""
        self.logged(request_id)
        return [[line[name] for name in ("sale", "customer", "client", "outcome")] for line in self.lines(request_id)
                if line["message"] == "checkout"]

    def test_each_checkout_has_a_line_where_that_is_set(self):
        sale = self.cluster.create_sale(stock=1, limit=1)
        where = {name: self.cluster.add_instance({"log.checkouts": name, "rate_limit.requests_per_s": 1,
                                                  "rate_limit.burst": 2}) for name in ("none", "refused", "all")}

        def buy(customer, name, request_id, status):
            with contextlib.closing(where[name].client()) as client:
                response = self.cluster.buy(sale, customer, "k", client=client, headers={
                    "X-Forwarded-For": "192.0.2.7", "X-Request-Id": request_id})
            self.check_status(response, status)
            return self.checkouts(request_id)

        self.assertEqual([[sale, "carl", "192.0.2.7", "committed"]], buy("carl", "all", "line-1", 201))
        self.assertEqual([[sale, "carl", "192.0.2.7", "replayed"]], buy("carl", "all", "line-2", 200))
        self.assertEqual([[sale, "carl", "192.0.2.7", "rate_limited"]], buy("carl", "all", "line-3", 429))
        self.assertEqual([], buy("carl", "refused", "line-4", 200))
        for name, lines in (("none", 0), ("refused", 1), ("all", 1)):
            self.assertEqual([[sale, "dora", "192.0.2.7", "sold_out"]] * lines, buy("dora", name, f"of-{name}", 409))

    def test_a_flood_of_them_is_cut_and_counted(self):
        sale = self.cluster.create_sale(stock=0)
        instance = self.cluster.add_instance({"log.checkouts": "refused", "rate_limit.enabled": False,
                                              "http.threads": 1, "http.request_log_one_in": 0})

        def buy():
            with contextlib.closing(instance.client()) as client:
                return self.cluster.buy(sale, "first", client=client).status
        harness.wait_until(lambda: buy() == 409, 10, "no sale")
        body = '{"sku":"sneaker-42","quantity":1}'

        request = (f"POST /v1/sales/{sale}/orders HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k\r\n"
                   f"Authorization: Bearer {self.cluster.token('flood')}\r\nContent-Type: application/json\r\n"
                   f"Content-Length: {len(body)}\r\n\r\n{body}").encode()

        def left_out():
            with socket.create_connection(("127.0.0.1", instance.port), timeout=30) as sock:
                sender = threading.Thread(target=sock.sendall, args=(request * 4000,), daemon=True)
                sender.start()
                answers = b""
                while answers.count(b"HTTP/1.1 ") < 4000:
                    answers += sock.recv(1 << 20)
                sender.join()
            self.assertEqual(answers.count(b"HTTP/1.1 409"), 4000)
            time.sleep(1)
            self.assertEqual(buy(), 409)
            return [json.loads(line)["lines"] for line in instance.process.log_text().splitlines()
                    if "left out of the log" in line]

        counts = harness.wait_until(left_out, 60, "nothing is left out")
        self.assertTrue(all(count > 0 for count in counts))


if __name__ == "__main__":
    unittest.main()
