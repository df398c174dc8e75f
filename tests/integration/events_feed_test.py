"""The feed: events by page, by a call that waits, and as a stream; who may read them, and what is kept of that; readers
that are slow, many, or still there when an instance stops.
"""

import contextlib
import http.client
import json
import pathlib
import signal
import socket
import threading
import time
import unittest

import harness
from harness import ClusterCase, Client, wait_until

EVENTS = "/admin/v1/events"
CONFIRMED = "flashsale.order.confirmed"
MEMORY_GROWTH_MAX = 48 * 1024 * 1024


class EventStream:
    """A client of the stream, block by block; `with` closes it."""

    def __init__(self, cluster, query="", last_event_id=None, where=0, timeout_s=20, token=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", cluster.instances[where].admin_port,
                                                     timeout=timeout_s * harness.SLOWNESS)
        headers = {"Authorization": f"Bearer {token or cluster.admin_token}", "Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        self.connection.request("GET", f"{EVENTS}/stream{query}", headers=headers)
        self.answer = self.connection.getresponse()
        self.last_id = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # The answer holds the socket, too.
        self.answer.close()
        self.connection.close()

    def block(self):
        """The next block as {field: value}, a comment as {"": text}; None at the end."""
        fields = {}
        while line := self.answer.readline():
            text = line.decode().rstrip("\n")
            if not text:
                return fields
            name, _, value = text.partition(":")
            fields[name] = value.removeprefix(" ")
        return None

    def event(self):
        """The next event, whatever comes before it; None at the end."""
        while (fields := self.block()) is not None:
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                event = json.loads(fields["data"])
                assert fields["event"] == event["type"] and int(fields["id"]) == int(event["sequence"]), fields
                return event
        return None

    def events(self, count):
        return [self.event() for _ in range(count)]


class FeedCase(ClusterCase):
    def open_sale(self):
        """One of which nothing more is told by itself."""
        sale = self.cluster.create_sale()
        wait_until(lambda: self.cluster.query("SELECT count(*) FROM outbox WHERE type = 12 AND sale_no = %s",
                                              (self.cluster.sale_no(sale),)) == [(1,)], 10, "no word of the opening")
        return sale

    def page(self, query="", where=0, wait=None, status=200, problem=None, token=None):
        headers = {"Prefer": f"wait={wait}"} if wait is not None else None
        response = self.cluster.admin("GET", EVENTS + query, headers=headers, where=where, token=token)
        return self.check_status(response, status, problem)

    def events(self, query="", **how):
        return self.page(query, **how).json()["events"]

    def everything(self, query=""):
        """All events there are, by pages of 7."""
        after, events = 0, []
        while True:
            page = self.page(f"?after={after}&limit=7{query}").json()
            if not page["events"]:
                return events
            events += page["events"]
            after = page["next_after"]

    def last_position(self):
        return self.cluster.query("SELECT last_position FROM event_line")[0][0]

    def numbered(self):
        """Waits until all that was committed has its position; the last."""
        wait_until(lambda: self.cluster.query("SELECT count(*) FROM outbox WHERE position IS NULL") == [(0,)], 10,
                   "events stay without a position")
        return self.last_position()

    def buy(self, sale, count=1):
        """Orders that are written; their ids."""
        return [self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201).json()["id"]
                for _ in range(count)]

    def stream(self, query="", **how):
        return EventStream(self.cluster, query, **how)

    def gauge(self, name, where=0):
        """How many of these there are."""
        for line in self.cluster.admin("GET", "/metrics", where=where).body.decode().splitlines():
            if line.startswith(f'flashsale_queue_depth{{queue="{name}"}}'):
                return int(float(line.rpartition(" ")[2]))
        return 0


class PageTest(FeedCase):
    instances = 2

    def test_pages_are_the_line(self):
        sale = self.open_sale()
        orders = self.buy(sale, 12)
        last = self.numbered()
        events = self.everything()
        self.assertEqual([int(event["sequence"]) for event in events], list(range(1, last + 1)))
        confirmed = [event for event in events if event["type"] == CONFIRMED and event["subject"] in orders]
        self.assertEqual(sorted(event["subject"] for event in confirmed), sorted(orders))
        for event in confirmed:
            self.assertEqual(event["specversion"], "1.0")
            self.assertEqual(event["id"], event["subject"] + "/1")
            self.assertEqual(event["data"]["id"], event["subject"])
            self.assertTrue(event["data"]["customer_id"])
        other = self.page(f"?after={last - 3}", where=1).json()
        self.assertEqual(other, {"events": events[-3:], "next_after": last})
        self.assertEqual(self.page(f"?after={last}").json(), {"events": [], "next_after": last})
        self.assertEqual(self.events()[0]["sequence"], events[0]["sequence"], "without `after`: from the oldest")

    def test_filters(self):
        first, second = self.open_sale(), self.open_sale()
        orders = self.buy(first, 3)
        self.buy(second, 2)
        self.check_status(self.cluster.admin("POST", f"/admin/v1/orders/{orders[0]}/cancel", {"reason": "test"}), 200)
        last = self.numbered()
        page = self.page(f"?type={CONFIRMED}&sale_id={first}&limit=1000").json()
        self.assertEqual({event["subject"] for event in page["events"]}, set(orders))
        self.assertEqual(page["next_after"], last)
        both = self.events(f"?type=flashsale.order.cancelled,{CONFIRMED}&sale_id={first}&limit=1000")
        self.assertEqual(len(both), 4)
        page = self.page(f"?sale_id={first}&type={CONFIRMED}&limit=2").json()
        self.assertEqual(len(page["events"]), 2)
        self.assertEqual(page["next_after"], int(page["events"][-1]["sequence"]), "the third is not passed over")
        self.assertEqual(self.page("?sale_id=no-such-sale").json(), {"events": [], "next_after": last})

    def test_bad_input_is_told(self):
        for query in ("?limit=0", "?limit=1001", "?limit=x", "?after=-1", "?after=x", "?after=1e3", "?type=unknown",
                      "?type=", "?sale_id=a%20b", "?sale_id=", "?more=1", "?after=1&after=2",
                      "?after=" + 30 * "9"):
            with self.subTest(query):
                self.page(query, status=400, problem="malformed-request")
        for wait in (0, 31, 4_000_000_000, "x", ""):
            with self.subTest(wait=wait):
                self.page(wait=wait, status=400, problem="malformed-request")
        for query, last_event_id in (("?after=-1", None), ("?type=x", None), ("?limit=5", None), ("", "x"), ("", "-1")):
            with self.subTest(query=query, last_event_id=last_event_id):
                with self.stream(query, last_event_id=last_event_id) as stream:
                    self.assertEqual(stream.answer.status, 400)

    def test_a_call_waits_for_what_happens(self):
        sale = self.open_sale()
        for where in (0, 1):
            with self.subTest(where=where):
                after = self.numbered()
                answers = []
                calls = [threading.Thread(target=lambda: answers.append(
                    self.page(f"?after={after}", where=where, wait=30))) for _ in range(5)]
                for call in calls:
                    call.start()
                wait_until(lambda: self.gauge("event_polls", where) == 5, 10, "not all wait")
                self.assertFalse(answers)
                order, = self.buy(sale)
                for call in calls:
                    call.join()
                self.assertEqual(len(answers), 5)
                for answer in answers:
                    self.assertEqual(answer.json()["events"][0]["subject"], order)
                    self.assertEqual(answer.json()["next_after"], int(answer.json()["events"][-1]["sequence"]))

    def test_a_call_waits_for_what_passes_its_filter(self):
        sale, other = self.open_sale(), self.open_sale()
        after = self.numbered()
        answers = []
        call = threading.Thread(target=lambda: answers.append(
            self.page(f"?after={after}&sale_id={sale}&type={CONFIRMED}", wait=30)))
        call.start()
        wait_until(lambda: self.gauge("event_polls") == 1, 10, "the call does not wait")
        self.buy(other, 3)
        self.numbered()
        order, = self.buy(sale)
        call.join()
        self.assertEqual([event["subject"] for event in answers[0].json()["events"]], [order])

    def test_a_call_ends_without_an_event(self):
        after = self.numbered()
        began = time.monotonic()
        page = self.page(f"?after={after}&type=flashsale.ping", wait=1).json()
        self.assertGreaterEqual(time.monotonic() - began, 0.9)
        self.assertEqual(page["events"], [])
        self.assertGreaterEqual(page["next_after"], after)

    def test_a_call_whose_client_leaves_is_forgotten(self):
        after = self.numbered()
        with socket.create_connection(("127.0.0.1", self.cluster.instances[0].admin_port)) as sock:
            sock.sendall(f"GET {EVENTS}?after={after} HTTP/1.1\r\nHost: h\r\nPrefer: wait=30\r\n"
                         f"Authorization: Bearer {self.cluster.admin_token}\r\n\r\n".encode())
            wait_until(lambda: self.gauge("event_polls") == 1, 10, "the call does not wait")
        wait_until(lambda: self.gauge("event_polls") == 0, 10, "the call waits for nobody")


class StreamTest(FeedCase):
    instances = 2

    def test_a_stream_goes_on_without_gap_or_repeat(self):
        sale = self.open_sale()
        self.buy(sale, 5)
        last = self.numbered()
        with self.stream("?after=0", where=1) as stream:
            self.assertEqual(stream.answer.status, 200)
            self.assertEqual(stream.answer.headers["Content-Type"], "text/event-stream")
            self.assertRegex(stream.block()["retry"], r"^[1-5]\d\d\d$")
            first = stream.events(last)
            order, = self.buy(sale)
            first.append(stream.event())
            self.assertEqual(first[-1]["subject"], order)
            last_id = stream.last_id
        orders = self.buy(sale, 4)
        with self.stream("?after=0", last_event_id=last_id, where=0) as stream:
            second = stream.events(4)
            orders += self.buy(sale, 2)
            second += stream.events(2)
        self.assertEqual([event["subject"] for event in second], orders)
        self.assertEqual([int(event["sequence"]) for event in first + second], list(range(1, len(first + second) + 1)))
        self.assertEqual(self.everything(), first + second, "page and stream say the same")

    def test_a_stream_has_what_passes_its_filter(self):
        sale, other = self.open_sale(), self.open_sale()
        with self.stream(f"?after={self.numbered()}&sale_id={sale}&type={CONFIRMED}") as stream:
            wanted = []
            for _ in range(3):
                self.buy(other)
                wanted += self.buy(sale)
            self.assertEqual([event["subject"] for event in stream.events(3)], wanted)

    def test_many_listen(self):
        sale = self.open_sale()
        after = self.numbered()
        with contextlib.ExitStack() as stack:
            streams = [stack.enter_context(self.stream(f"?after={after}")) for _ in range(50)]
            self.assertEqual(self.gauge("event_streams"), 50)
            orders = self.buy(sale, 10)
            for stream in streams:
                self.assertEqual([event["subject"] for event in stream.events(10)], orders)
        wait_until(lambda: self.gauge("event_streams") == 0, 10, "who has gone is still counted")

    def test_there_is_a_bound(self):
        after = self.numbered()
        with contextlib.ExitStack() as stack:
            for _ in range(256):
                self.assertEqual(stack.enter_context(self.stream(f"?after={after}")).answer.status, 200)
            beyond = stack.enter_context(self.stream(f"?after={after}"))
            self.assertEqual(beyond.answer.status, 503)
            self.assertIn("as many streams are open as there may be", beyond.answer.read().decode())
            self.assertTrue(beyond.answer.headers["Retry-After"])
            # Staff are still let in.
            self.check_status(self.cluster.admin("GET", "/admin/v1/sales"), 200)
        wait_until(lambda: self.gauge("event_streams") == 0, 10, "who has gone is still counted")
        with self.stream(f"?after={after}") as stream:
            self.assertEqual(stream.answer.status, 200)

    def test_head_has_no_body(self):
        client = Client(self.cluster.instances[0].admin_port)
        answer = client.request("HEAD", f"{EVENTS}/stream",
                                headers={"Authorization": f"Bearer {self.cluster.admin_token}"})
        self.assertEqual((answer.status, answer.header("Content-Type"), answer.body), (200, "text/event-stream", b""))


class SlowReaderTest(FeedCase):
    settings = {"http.write_timeout_ms": 5000}

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.cluster.instances[0].process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def unread(self, after):
        """A client that asks and reads nothing."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", self.cluster.instances[0].admin_port))
        sock.sendall(f"GET {EVENTS}/stream?after={after} HTTP/1.1\r\nHost: h\r\n"
                     f"Authorization: Bearer {self.cluster.admin_token}\r\n\r\n".encode())
        return sock

    def test_200_that_read_nothing_cost_little_and_delay_nobody(self):
        sale = self.open_sale()
        self.buy(sale, 5)
        after = self.numbered()
        with contextlib.ExitStack() as stack:
            reader = stack.enter_context(self.stream(f"?after={after}", timeout_s=60))
            reader.block()
            before = self.resident_bytes()
            for _ in range(200):
                stack.enter_context(contextlib.closing(self.unread(after)))
            wait_until(lambda: self.gauge("event_streams") == 201, 20, "not all listen")
            positions, count = [], 20_000
            reading = threading.Thread(target=lambda: positions.extend(
                int(event["sequence"]) for event in reader.events(count)))
            reading.start()
            last = self.leave_events(sale, count)
            reading.join()
            self.assertEqual(positions, list(range(after + 1, last + 1)))
            growth = self.resident_bytes() - before
            print(f"200 streams that nobody reads: {growth / 2**20:.1f} MiB", flush=True)
            self.assertLess(growth, MEMORY_GROWTH_MAX)
            wait_until(lambda: self.gauge("event_streams") == 1, 60, "who does not read is not cut off")

    def leave_events(self, sale, count):
        """Events of this sale, as a transaction leaves them; the last position."""
        before = self.last_position()
        self.cluster.query("INSERT INTO outbox (sale_no, at, change_no, events, type, payload) "
                           "SELECT %s, now(), 1000 + n, 1, 11, json_build_object('id', %s, 'text', repeat('x', 500)) "
                           "FROM generate_series(1, %s) AS n", (self.cluster.sale_no(sale), sale, count))
        wait_until(lambda: self.last_position() == before + count, 30, "events are not numbered")
        return before + count


class StopTest(FeedCase):
    settings = {"shutdown.drain_timeout_ms": 120_000, "shutdown.delay_ms": 0}

    def test_nobody_who_listens_holds_up_a_stop(self):
        instance = self.cluster.instances[0]
        after = self.numbered()
        answers = []
        with self.stream(f"?after={after}") as stream:
            stream.block()
            call = threading.Thread(target=lambda: answers.append(self.page(f"?after={after}", wait=30)))
            call.start()
            wait_until(lambda: self.gauge("event_polls") == 1, 10, "the call does not wait")
            # Less than the drain may take, and than the call would have waited.
            self.assertEqual(instance.stop(timeout_s=20), 0)
            self.assertRegex(stream.block()["retry"], r"^[1-5]\d\d\d$")
            self.assertIsNone(stream.block(), "the stream has an end")
            call.join()
        self.assertEqual(answers[0].json(), {"events": [], "next_after": after})
        instance.start()


class KeptTest(FeedCase):
    def test_what_is_gone_is_said_to_be(self):
        sale = self.open_sale()
        self.buy(sale, 5)
        last = self.numbered()
        gone = last - 2
        self.cluster.query("DELETE FROM outbox WHERE position + events - 1 <= %s", (gone,))
        self.cluster.query("UPDATE event_line SET gone_until = %s", (gone,))
        for query in ("?after=0", f"?after={gone - 1}"):
            answer = self.page(query, status=410, problem="events-gone").json()
            self.assertEqual(answer["oldest_after"], gone)
            self.assertIn(str(gone), answer["detail"])
            with self.stream(query) as stream:
                self.assertEqual(stream.answer.status, 410)
        page = self.page(f"?after={gone}").json()
        self.assertEqual([int(event["sequence"]) for event in page["events"]], [last - 1, last])
        self.assertEqual(self.page().json(), page, "without `after`: from the oldest that is kept")
        with self.stream(last_event_id=gone) as stream:
            self.assertEqual(int(stream.event()["sequence"]), last - 1)

    def test_a_reader_who_is_ahead_of_the_line_is_told_so(self):
        sale = self.open_sale()
        self.buy(sale, 5)
        last = self.numbered()
        for query in (f"?after={last + 1}", f"?after={last + 1}&type={CONFIRMED}"):
            answer = self.page(query, status=409, problem="events-ahead").json()
            self.assertEqual(answer["last_position"], last)
            self.page(query, wait=30, status=409, problem="events-ahead")
            with self.stream(query) as stream:
                self.assertEqual(stream.answer.status, 409)
        # Those who listen when PostgreSQL is put back to an older state.
        with self.stream(f"?after={last}") as stream:
            answers = []
            call = threading.Thread(target=lambda: answers.append(
                self.page(f"?after={last}", wait=30, status=409, problem="events-ahead").json()))
            call.start()
            wait_until(lambda: self.gauge("event_polls") == 1, 10, "the call does not wait")
            self.cluster.query("DELETE FROM outbox WHERE position + events - 1 > %s", (last - 2,))
            self.cluster.query("UPDATE event_line SET last_position = %s", (last - 2,))
            self.cluster.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                               "AND application_name LIKE '%%events%%'")
            call.join()
            self.assertEqual([answer["last_position"] for answer in answers], [last - 2])
            self.assertIsNone(stream.event(), "the stream goes on")

    def test_who_reads_is_noted_once_in_a_while(self):
        for _ in range(3):
            self.page("?limit=1")
        with self.stream() as stream:
            stream.block()
        entries = self.check_status(self.cluster.admin("GET", "/admin/v1/log"), 200).json()["entries"]
        actions = [entry["action"] for entry in entries if entry["who"] == harness.ADMIN_NAME]
        self.assertEqual(actions.count("events.read"), 1)
        self.assertEqual(actions.count("events.streamed"), 1)

    def test_a_stream_ends_with_its_token(self):
        name, token = "shop:operator", "token-of-the-shop"
        self.cluster.write_admin_tokens({harness.ADMIN_NAME: self.cluster.admin_token, name: token})
        self.reload()
        wait_until(lambda: self.cluster.admin("GET", "/admin/v1/sales", token=token).status == 200, 10, "it is unknown")
        with self.stream(token=token) as stream:
            self.assertIn("retry", stream.block())
            self.cluster.write_admin_tokens({harness.ADMIN_NAME: self.cluster.admin_token})
            self.reload()
            while stream.block() is not None:
                pass
        with self.stream(token=token) as stream:
            self.assertEqual(stream.answer.status, 401)
        with self.stream() as stream:
            self.assertEqual(stream.answer.status, 200)

    def reload(self):
        process = self.cluster.instances[0].process
        before = process.log_text().count("settings read again")
        process.send(signal.SIGHUP)
        wait_until(lambda: process.log_text().count("settings read again") > before, 10, "settings are not read again")

    def test_sinks(self):
        self.buy(self.open_sale(), 3)
        last = self.numbered()
        self.cluster.query("INSERT INTO event_sinks (name, kind, position, is_active, last_error, failing_since) "
                           "VALUES ('shop', 'webhook', %s, true, 'connection refused', now()), "
                           "('old', 'kafka', 0, false, '', NULL)", (last - 2,))
        self.addCleanup(self.cluster.query, "DELETE FROM event_sinks")
        told = self.check_status(self.cluster.admin("GET", f"{EVENTS}/sinks"), 200).json()
        self.assertEqual(told["last_position"], last)
        old, shop = told["sinks"]
        self.assertEqual((old["name"], old["active"], old["lag"]), ("old", False, last))
        self.assertNotIn("last_error", old)
        self.assertEqual((shop["kind"], shop["position"], shop["lag"], shop["last_error"]),
                         ("webhook", last - 2, 2, "connection refused"))
        self.assertRegex(shop["failing_since"], r"^20\d\d-.*Z$")


class DisabledTest(FeedCase):
    settings = {"events.enabled": False}

    def test_there_is_no_feed(self):
        self.buy(self.cluster.create_sale())
        for path in (EVENTS, f"{EVENTS}/stream", f"{EVENTS}/sinks"):
            self.check_status(self.cluster.admin("GET", path), 404, "events-disabled")
        self.assertEqual(self.cluster.query("SELECT count(*) FROM outbox"), [(0,)])


if __name__ == "__main__":
    unittest.main()
