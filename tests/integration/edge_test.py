"""The same service through NGINX: what passes, what does not, and what the edge answers by itself."""

import contextlib
import json
import os
import secrets
import unittest
import unittest.mock

import harness
from harness import ClusterCase


class EdgeTest(ClusterCase):
    instances = 2
    nginx = True

    def test_session_of_a_buyer(self):
        sale = self.cluster.create_sale(stock=3, limit=2)
        customer = self.cluster.new_customer()
        self.check_status(self.cluster.client("edge").get(f"/v1/sales/{sale}"), 200)
        response = self.check_status(self.cluster.buy(sale, customer, "k", quantity=2, where="edge"), 201)
        order = response.json()
        self.assertEqual(response.header("Location"), f"/v1/orders/{order['id']}")
        replay = self.check_status(self.cluster.buy(sale, customer, "k", quantity=2, where="edge"), 200)
        self.assertEqual(replay.header("Idempotency-Replayed"), "true")
        self.check_status(self.cluster.buy(sale, customer, "k-2", where="edge"), 409, "limit-exceeded")
        self.check_status(self.cluster.order(order["id"], customer, where="edge"), 200)
        self.check_status(self.cluster.order(order["id"], "stranger", where="edge"), 404, "unknown-order")
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer(), where="edge"), 201)
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer(), where="edge"), 409, "sold-out")
        self.check_status(self.cluster.cancel(order["id"], customer, where="edge"), 200)

    def test_request_id_goes_all_the_way(self):
        mine = f"edge-{secrets.token_hex(6)}"
        response = self.cluster.client("edge").get("/v1/sales", {"X-Request-Id": mine})
        self.assertEqual(response.header("X-Request-Id"), mine)
        harness.wait_until(lambda: any(mine in instance.process.log_text() for instance in self.cluster.instances), 5,
                           "the request id is in no log")

    def test_admin_and_metrics_do_not_pass(self):
        for path in ("/admin/v1/sales", "/metrics", "/", "/v2", "/edge/not-found"):
            with self.subTest(path):
                response = self.cluster.client("edge").get(path, {"Authorization":
                                                                  f"Bearer {self.cluster.admin_token}"})
                self.check_status(response, 404, "not-found")

    def test_bodies_and_headers_that_are_too_large(self):
        sale = self.cluster.create_sale()
        for filler, status in ((65_536, 413), (4_096, 413), (4_000, 201)):
            body = b'{"sku":"sneaker-42","quantity":1}' + b" " * filler
            response = self.cluster.buy(sale, self.cluster.new_customer(), body=body, where="edge")
            self.assertEqual(response.status, status, repr(response))
        received, _ = harness.raw_exchange(self.cluster.nginx.port, b"GET /v1/sales HTTP/1.1\r\nHost: a\r\nX: " +
                                           b"x" * 70_000 + b"\r\n\r\n")
        status, _, body = harness.parse_raw(received)
        self.assertEqual(status, 431, received)
        self.assertEqual(json.loads(body)["type"], "/problems/headers-too-large")

    def test_customer_header_is_dropped(self):
        """Or else anybody could be anybody in gateway mode."""
        instance = self.cluster.add_instance({"auth.mode": "gateway"})
        nginx = harness.Nginx(self.cluster.directory / "gateway-edge", [instance.port])
        try:
            sale = self.cluster.create_sale()
            with contextlib.closing(nginx.client()) as client:
                response = self.cluster.buy(sale, "unused", client=client, headers={"X-Customer-Id": "victim"})
            self.check_status(response, 401, "unauthorized")
        finally:
            nginx.stop()

    def test_health_checks_of_http_1_0_name_no_host(self):
        for path in (b"/livez", b"/readyz", b"/v1/sales"):
            received, closed = harness.raw_exchange(self.cluster.nginx.port, b"GET " + path + b" HTTP/1.0\r\n\r\n")
            self.assertEqual(harness.parse_raw(received)[0], 200, received)
            self.assertTrue(closed)

    def test_pages_of_other_origins_can_read_what_the_edge_answers(self):
        origin = "https://shop.example"
        instance = self.cluster.add_instance({"http.cors_origin": origin})
        with unittest.mock.patch.dict(os.environ, {"FLASHSALE_HTTP_CORS_ORIGIN": origin}):
            nginx = harness.Nginx(self.cluster.directory / "cors-edge", [instance.port])
            lonely = harness.Nginx(self.cluster.directory / "lonely-cors-edge", [harness.free_port()])
        try:
            with contextlib.closing(nginx.client()) as client, contextlib.closing(lonely.client()) as alone:
                answers = {"of an instance": client.get("/v1/sales"), "404": client.get("/nothing"),
                           "413": client.request("POST", "/v1/webhooks/payments", b"x" * 70_000),
                           "431": client.get("/v1/sales", {"X-Filler": "x" * 17_000}),
                           "503": alone.get("/v1/sales")}
                preflight = client.request("OPTIONS", "/v1/sales", headers={
                    "Origin": origin, "Access-Control-Request-Method": "GET",
                    "Access-Control-Request-Headers": "if-none-match"})
        finally:
            nginx.stop()
            lonely.stop()
        exposed = answers["of an instance"].header("Access-Control-Expose-Headers")
        self.assertIn("Retry-After", exposed)
        for name, answer in answers.items():
            self.assertIn(str(answer.status), ("200", name))
            self.assertEqual(answer.header("Access-Control-Allow-Origin"), origin, name)
            self.assertEqual(answer.header("Access-Control-Expose-Headers"), exposed, name)
        self.assertIn("if-none-match", preflight.header("Access-Control-Allow-Headers").split(", "))
        # Without the setting there is none.
        self.assertIsNone(self.cluster.client("edge").get("/nothing").header("Access-Control-Allow-Origin"))

    def test_no_instance_left(self):
        nginx = harness.Nginx(self.cluster.directory / "lonely-edge", [harness.free_port(), harness.free_port()])
        try:
            with contextlib.closing(nginx.client()) as client:
                response = self.check_status(client.get("/v1/sales"), 503, "unavailable")
                self.assertIsNotNone(response.header("Retry-After"))
                response = self.cluster.buy("any", "somebody", client=client)
                self.check_status(response, 503, "outcome-unknown")
                self.assertIsNotNone(response.header("Retry-After"))
        finally:
            nginx.stop()


if __name__ == "__main__":
    unittest.main()
