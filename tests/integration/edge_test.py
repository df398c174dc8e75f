"""The same service through NGINX: what passes, what does not, and what the edge answers by itself."""

import contextlib
import http.client
import http.server
import json
import os
import pathlib
import secrets
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import unittest.mock

import harness
from harness import ClusterCase


class NamedInstance:
    """Answers every request with its address, at the same port as the others."""

    def __init__(self, address, port):
        name = address.encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(name)))
                self.end_headers()
                self.wfile.write(name)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer((address, port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


@unittest.skipIf(os.geteuid() != 0, "names are given by a hosts file of the test's own: needs root")
class NamesTest(unittest.TestCase):
    """scripts/run_edge, in front of instances whose addresses change while it runs."""

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=harness.run_directory()))
        self.hosts = self.directory / "hosts"
        self.port, self.upstream_port = harness.free_port(), harness.free_port()

    def name(self, **addresses):
        """In place: the file is mounted over /etc/hosts."""
        with open(self.hosts, "w", encoding="utf-8") as stream:
            stream.writelines(f"{address} {name}\n" for name, address in addresses.items() if address)

    def start_edge(self):
        command = 'mount --bind "$0" /etc/hosts && cd "$1" && shift && exec scripts/run_edge "$@"'
        self.edge = harness.Process("edge", [
            "unshare", "--mount", "sh", "-c", command, self.hosts, harness.ROOT, self.directory / "prefix",
            f"127.0.0.1:{self.port}", "off", f"first.test:{self.upstream_port}", f"second.test:{self.upstream_port}"],
            self.directory / "log", death_signal=signal.SIGTERM)
        self.addCleanup(self.edge.end)

    def answer(self):
        with contextlib.suppress(OSError, http.client.HTTPException), \
                contextlib.closing(harness.Client(self.port)) as client:
            return client.get("/livez").body.decode()
        return None

    def instance(self, address):
        instance = NamedInstance(address, self.upstream_port)
        self.addCleanup(instance.stop)
        return instance

    def test_an_instance_that_comes_back_elsewhere_is_found(self):
        self.instance("127.0.0.2")
        self.name(**{"first.test": "127.0.0.2"})  # the second is not there yet
        self.start_edge()
        harness.wait_until(lambda: self.answer() == "127.0.0.2", 15, "the edge does not serve")
        self.instance("127.0.0.3")
        self.name(**{"first.test": "127.0.0.3"})
        harness.wait_until(lambda: self.answer() == "127.0.0.3", 20, "the instance is not found at its new address")
        # And once its name is gone, the last one that was known is kept.
        self.name()
        time.sleep(3)
        self.assertEqual("127.0.0.3", self.answer())
        self.instance("127.0.0.4")
        self.name(**{"first.test": "127.0.0.3", "second.test": "127.0.0.4"})
        harness.wait_until(lambda: self.answer() == "127.0.0.4", 20, "the second instance is not found")

    def test_it_waits_for_an_instance_and_ends_when_told(self):
        self.name()
        self.start_edge()
        harness.wait_until(lambda: "waiting for one of" in self.edge.log_text(), 10, "it does not wait")
        self.instance("127.0.0.2")
        self.name(**{"second.test": "127.0.0.2"})
        harness.wait_until(lambda: self.answer() == "127.0.0.2", 20, "the instance is not found")
        nginx = [pid for pid in harness.process_tree(self.edge.pid) if pid != self.edge.pid]
        self.assertTrue(nginx)
        self.edge.end(signal.SIGQUIT, 10)
        self.assertEqual(0, self.edge.exit_code)
        for pid in nginx:
            self.assertFalse(pathlib.Path("/proc", str(pid), "exe").exists(), f"process {pid} has outlived it")


@unittest.skipIf(os.geteuid() != 0, "addresses are given to a network of the test's own: needs root")
class CountedAddressesTest(unittest.TestCase):
    """What counts as one client in the limits of config/nginx.conf."""

    # The second of each pair is the same client: 503, as there is no instance, or 429.
    ASKED = (("2001:db8:0:1::1", "503"), ("2001:db8:0:1:5:6:7:8", "429"), ("2001:db8:0:2::1", "503"),
             ("2001:db8:a0a:a0a::1", "503"), ("2001:db8:a0a:a0a:a0a::2", "429"),
             ("127.0.0.5", "503"), ("127.0.0.5", "429"), ("127.0.0.6", "503"))
    SCRIPT = """
        ip link set lo up
        for address in $1; do case $address in *:*) ip -6 addr add "$address/128" dev lo nodad ;; esac; done
        nginx -p "$0/" -c nginx.conf -e stderr -g 'daemon off;' &
        for i in $(seq 100); do curl -s -o /dev/null "http://127.0.0.1:8088/" && break; sleep 0.1; done
        for address in $1; do
          host=127.0.0.1
          case $address in *:*) host="[$address]" ;; esac
          curl -s -o /dev/null -w '%{http_code}\n' --noproxy '*' --interface "$address" "http://$host:8088/livez"
        done
        kill $!
        """

    def test_ipv6_counts_by_its_first_64_bits(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir=harness.run_directory()))
        with open(harness.ROOT / "config" / "nginx.conf", encoding="utf-8") as template:
            text = subprocess.run([harness.ROOT / "scripts" / "render_nginx", "[::]:8088", "on", "stderr", "access.log",
                                   "127.0.0.1:1"], stdin=template, capture_output=True, text=True, check=True).stdout
        for old, new in (("rate=10000r/s", "rate=1r/m"), (" burst=20000 nodelay", ""),
                         ("listen [::]:8088", "listen [::]:8088 ipv6only=off")):
            self.assertEqual(1, text.count(old), old)
            text = text.replace(old, new)
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        done = subprocess.run(["unshare", "--net", "sh", "-c", self.SCRIPT, folder,
                               " ".join(address for address, _ in self.ASKED)],
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual([status for _, status in self.ASKED], done.stdout.split(), done.stderr)


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
