"""How a sale stands, told to whoever listens: what is told and how often, slow readers, limits, and the end."""

import contextlib
import http.client
import json
import socket
import time
import unittest

import harness
from harness import ClusterCase, wait_until


class Listener:
    """A client of a sale's stream; `with` closes it."""

    def __init__(self, port, sale, headers=None, timeout_s=20):
        self.timeout_s = timeout_s * harness.SLOWNESS
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=self.timeout_s)
        self.connection.request("GET", f"/v1/sales/{sale}/events", headers=headers or {})
        self.answer = self.connection.getresponse()
        self.status = self.answer.status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.answer.close()
        self.connection.close()

    def event(self):
        """(type, data) of the next event; None at the end. Heartbeats keep a connection alive, not a test."""
        kind, waits_until = None, time.monotonic() + self.timeout_s
        while line := self.answer.readline():
            if time.monotonic() > waits_until:
                raise AssertionError(f"no event for {self.timeout_s} s")
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                return kind, json.loads(value)
        return None

    def until(self, kind, condition):
        """The data of the first event of this kind that fits."""
        while (event := self.event()) is not None:
            if event[0] == kind and condition(event[1]):
                return event[1]
        raise AssertionError("the stream has ended")


def remaining(data, sku):
    return next((item["remaining"] for item in data["items"] if item["sku"] == sku), None)


class LiveCase(ClusterCase):
    def listen(self, sale, where=0, **how):
        return Listener(self.cluster.instances[where].port, sale, **how)


class LiveTest(LiveCase):
    instances = 2

    def test_a_newcomer_is_told_how_things_stand(self):
        sale = self.cluster.create_sale(stock=7)
        with self.listen(sale) as listener:
            self.assertEqual(listener.answer.getheader("Content-Type"), "text/event-stream")
            self.assertEqual(listener.answer.getheader("Cache-Control"), "no-store")
            kind, state = listener.event()
            self.assertEqual((kind, state["sale_id"], state["state"]), ("state", sale, "open"))
            self.assertAlmostEqual(harness.unix_time(state["now"]), time.time(), delta=1 * harness.SLOWNESS)
            kind, stock = listener.event()
            self.assertEqual(kind, "stock")
            catalog = self.cluster.client().get(f"/v1/sales/{sale}").json()["items"]
            self.assertEqual([{name: item[name] for name in ("sku", "remaining", "availability")} for item in catalog],
                             stock["items"])

    def test_a_sale_on_one_instance_is_heard_on_the_other(self):
        sale = self.cluster.create_sale(stock=3)
        sku = self.cluster.client().get(f"/v1/sales/{sale}").json()["items"][0]["sku"]
        with self.listen(sale, where=1) as listener:
            listener.until("stock", lambda data: remaining(data, sku) == 3)
            for left in (2, 1, 0):
                self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
                told = listener.until("stock", lambda data, left=left: remaining(data, sku) == left)
            self.assertEqual(told["items"][0]["availability"], "sold_out")
            self.check_status(self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", {"state": "paused"}), 200)
            listener.until("state", lambda data: data["state"] == "paused")

    def test_a_sale_opens_by_the_clock(self):
        sale = self.cluster.create_sale(starts_at=time.time() + 1.5)
        with self.listen(sale) as listener:
            self.assertEqual(listener.event()[1]["state"], "scheduled")
            state = listener.until("state", lambda data: data["state"] == "open")
            self.assertGreaterEqual(state["now"], state["starts_at"])

    def test_there_are_at_most_four_a_second(self):
        sale = self.cluster.create_sale(stock=1_000_000, limit=0)
        sku = self.cluster.client().get(f"/v1/sales/{sale}").json()["items"][0]["sku"]
        left, moments = 1_000_000, []
        with self.listen(sale) as listener:
            began = time.monotonic()
            ends_at = began + 4
            while time.monotonic() < ends_at:
                self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
                left -= 1
            kind, data = listener.event()
            while not (kind == "stock" and remaining(data, sku) == left):
                moments.append(data)
                kind, data = listener.event()
        # What came first besides. Instances know of new stock some ten times a second.
        self.assertLessEqual(len(moments), 4 * (time.monotonic() - began) + 3, "more than four a second")

    def test_unknown_sales_and_drafts(self):
        for sale in ("no-such-sale", self.cluster.create_sale(state="draft")):
            with self.listen(sale) as listener:
                self.assertEqual(listener.status, 404)

    def test_who_reads_nothing_keeps_nobody_waiting(self):
        sale = self.cluster.create_sale(stock=1000)
        with contextlib.closing(socket.create_connection(("127.0.0.1", self.cluster.instances[0].port))) as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.sendall(f"GET /v1/sales/{sale}/events HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            with self.listen(sale) as listener:
                for _ in range(20):
                    self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
                listener.until("stock", lambda data: data["items"][0]["remaining"] == 980)


class LimitTest(LiveCase):
    settings = {"live.streams_of_address_max": 2, "live.streams_max": 3}

    def test_an_address_and_all_together_have_so_many(self):
        sale = self.cluster.create_sale()
        with contextlib.ExitStack() as open_ones:
            def listen(address):
                return open_ones.enter_context(self.listen(sale, headers={"X-Forwarded-For": address}))
            self.assertEqual([listen("192.0.2.1").status for _ in range(3)], [200, 200, 429])
            self.assertEqual([listen("192.0.2.2").status for _ in range(2)], [200, 503])
            # Nobody else is the worse for it.
            self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)

        def is_there_room():
            with self.listen(sale, headers={"X-Forwarded-For": "192.0.2.1"}) as listener:
                return listener.status == 200
        wait_until(is_there_room, 10, "the places of those who left are not free")


class EdgeTest(LiveCase):
    nginx = True

    def test_the_edge_passes_each_event_at_once(self):
        sale = self.cluster.create_sale(stock=5)
        with Listener(self.cluster.nginx.port, sale) as listener:
            self.assertEqual(listener.event()[0], "state")
            listener.until("stock", lambda data: data["items"][0]["remaining"] == 5)
            self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
            listener.until("stock", lambda data: data["items"][0]["remaining"] == 4)


class EndTest(LiveCase):
    def test_streams_end_when_an_instance_drains(self):
        sale = self.cluster.create_sale()
        with self.listen(sale) as listener:
            listener.event()
            self.cluster.instances[0].terminate()
            while listener.event() is not None:
                pass
        self.assertEqual(self.cluster.instances[0].stop(), 0)


if __name__ == "__main__":
    unittest.main()
