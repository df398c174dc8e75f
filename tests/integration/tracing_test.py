"""Traces: what is kept of requests and of the orders that they place, and a collector that is none."""

import contextlib
import json
import re
import secrets
import signal
import socket
import time
import unittest

import harness
from harness import ClusterCase, EventEndpoint
from harness.event_schemas import check_event
from harness.payment_provider import PaymentProvider, make_secret
from harness.prometheus_server import PrometheusServer
from harness.trace_collector import CLIENT, INTERNAL, SERVER, TraceCollector

SECRET = make_secret()
ROUTE = "POST /v1/sales/{sale_id}/orders"


class TracingCase(ClusterCase):
    keeps = {"tracing.keep_one_in": 0, "tracing.slow_ms": 60_000}  # a slow machine must not decide what is kept

    @classmethod
    def setUpClass(cls):
        cls.collector = TraceCollector()
        cls.addClassCleanup(cls.collector.stop)
        cls.settings = {"tracing.enabled": True, "tracing.url": cls.collector.url} | cls.keeps
        super().setUpClass()

    def tearDown(self):
        self.collector.behave = lambda: 200

    def buy(self, sale, flags="01", **headers):
        """A checkout in a trace of its own: (answer, the trace's id, the caller's span)."""
        trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
        answer = self.cluster.buy(sale, self.cluster.new_customer(),
                                  headers={"traceparent": f"00-{trace_id}-{span_id}-{flags}"} | headers)
        return answer, trace_id, span_id

    def wait_trace(self, trace_id, *names, timeout_s=20):
        """Until all of these have come; the trace's spans by name."""
        def has_come():
            spans = self.collector.trace(trace_id)
            return spans if spans.keys() >= set(names) else None
        return harness.wait_until(has_come, timeout_s, f"{names} of {trace_id} do not come")

    def metric(self, name, **labels):
        wanted = name + "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "} "
        text = self.cluster.instances[0].admin("GET", "/metrics").body.decode()
        return sum(float(line[len(wanted):]) for line in text.splitlines() if line.startswith(wanted))

    def log_lines(self, trace_id):
        lines = self.cluster.instances[0].process.log_text().splitlines()
        return [json.loads(line) for line in lines if trace_id in line]


class KeptTest(TracingCase):
    settings_of_log = {"log.checkouts": "all", "http.request_log_one_in": 1}
    keeps = TracingCase.keeps | settings_of_log

    def test_an_orders_way_from_end_to_end(self):
        sale = self.cluster.create_sale()
        answer, trace_id, caller = self.buy(sale)
        self.check_status(answer, 201)
        steps = {"parse", "permit", "reservation", "reservation wait", "journal wait", "commit"}
        spans = self.wait_trace(trace_id, ROUTE, *steps)
        server = spans[ROUTE]
        self.assertEqual(spans.keys(), steps | {ROUTE})
        self.assertEqual((server.kind, server.parent_id, server.failed), (SERVER, caller, False))
        self.assertEqual(server.resource["service.name"], "flashsaled")
        self.assertTrue(server.resource["service.instance.id"])
        self.assertEqual({name: server.attributes[name] for name in (
            "http.request.method", "http.route", "http.response.status_code", "url.path", "flashsale.order_id",
            "flashsale.outcome", "flashsale.kept_for", "flashsale.request_id")}, {
                "http.request.method": "POST", "http.route": "/v1/sales/{sale_id}/orders",
                "http.response.status_code": 201, "url.path": f"/v1/sales/{sale}/orders",
                "flashsale.order_id": answer.json()["id"], "flashsale.outcome": "committed",
                "flashsale.kept_for": "flag", "flashsale.request_id": answer.header("X-Request-Id")})
        for name in steps:
            parent = spans["reservation"] if name == "reservation wait" else server
            self.assertEqual((spans[name].parent_id, spans[name].kind), (parent.span_id, INTERNAL), name)
            self.assertLessEqual(server.began, spans[name].began)
            self.assertLessEqual(spans[name].ended, server.ended)
        order = ["parse", "permit", "reservation", "journal wait", "commit"]
        for before, after in zip(order, order[1:]):
            self.assertLessEqual(spans[before].ended, spans[after].began, (before, after))

    def test_a_call_of_many_orders_is_linked_with_them(self):
        sale = self.cluster.create_sale()
        _, trace_id, _ = self.buy(sale)
        spans = self.wait_trace(trace_id, ROUTE, "commit")
        for name, of_batch, system in (("reservation", "reserve", "redis"), ("commit", "write orders", "postgresql")):
            (link,) = spans[name].links
            batch = harness.wait_until(lambda link=link: self.collector.find(link), 20, f"{of_batch} does not come")
            self.assertEqual((batch.name, batch.kind, batch.parent_id), (of_batch, CLIENT, None))
            self.assertEqual(batch.attributes["db.system.name"], system)
            self.assertGreaterEqual(batch.attributes["flashsale.orders"], 1)
            self.assertIn(spans[ROUTE].context, batch.links)
            self.assertNotEqual(batch.trace_id, trace_id)

    def test_whoever_sends_a_traceparent_is_told_the_span_and_the_log_has_the_trace(self):
        sale = self.cluster.create_sale()
        answer, trace_id, _ = self.buy(sale)
        version, told, span_id, flags = answer.header("traceresponse").split("-")
        self.assertEqual((version, told, flags), ("00", trace_id, "01"))
        self.assertEqual(self.wait_trace(trace_id, ROUTE)[ROUTE].span_id, span_id)
        def is_logged():
            return {"request", "checkout"} <= {line["message"] for line in self.log_lines(trace_id)}
        harness.wait_until(is_logged, 10, "the log does not have it")
        self.assertEqual({line["trace_id"] for line in self.log_lines(trace_id)}, {trace_id})
        unflagged, other, _ = self.buy(sale, flags="00")
        self.assertEqual(unflagged.header("traceresponse")[-3:], "-00")
        self.assertIn(other, unflagged.header("traceresponse"))

    def test_without_a_traceparent_the_requests_id_names_its_trace(self):
        for headers in ({}, {"traceparent": "00-not-one-01"}):
            answer = self.cluster.client().get("/v1/sales", headers)
            self.assertIsNone(answer.header("traceresponse"))
            made = answer.header("X-Request-Id")
            (line,) = harness.wait_until(lambda made=made: self.log_lines(made), 10, "not logged")
            self.assertEqual(line["trace_id"], made)
        self.cluster.client().get("/v1/sales", {"X-Request-Id": "shop-17"})
        (line,) = harness.wait_until(lambda: self.log_lines("shop-17"), 10, "not logged")
        self.assertRegex(line["trace_id"], r"^[0-9a-f]{32}$")

    def test_two_traceparents_are_none(self):
        line = b"traceparent: 00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01\r\n"
        request = b"GET /livez HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + 2 * line + b"\r\n"
        received, _ = harness.raw_exchange(self.cluster.instances[0].port, request)
        status, headers, _ = harness.parse_raw(received)
        self.assertEqual(status, 200)
        self.assertNotIn("traceresponse", headers)

    def test_an_order_that_is_refused_from_memory_has_no_way_through_the_stores(self):
        sale = self.cluster.create_sale(stock=1)
        self.check_status(self.buy(sale, flags="00")[0], 201)
        harness.wait_until(lambda: self.cluster.item(sale)["remaining"] == 0, 10, "not sold out")
        answer, trace_id, _ = self.buy(sale)
        self.check_status(answer, 409, "sold-out")
        spans = self.wait_trace(trace_id, ROUTE)
        self.assertFalse(spans[ROUTE].failed)
        self.assertEqual(spans[ROUTE].attributes["http.response.status_code"], 409)

    def test_what_comes_after_a_202_is_told_when_it_has_come(self):
        sale = self.cluster.create_sale()
        with self.cluster.locked_items(sale):
            answer, trace_id, _ = self.buy(sale, Prefer="respond-async")
            self.check_status(answer, 202)
            spans = self.wait_trace(trace_id, ROUTE, "reservation")
            self.assertEqual(spans[ROUTE].attributes["flashsale.outcome"], "taken")
            self.assertNotIn("commit", spans)
        spans = self.wait_trace(trace_id, "commit", "journal wait")
        self.assertEqual(spans["commit"].parent_id, spans[ROUTE].span_id)
        self.assertLess(spans[ROUTE].ended, spans["commit"].ended)
        self.assertTrue(harness.wait_until(lambda: self.collector.find(spans["commit"].links[0]), 20, "no batch"))

    def test_a_failure_is_kept_though_nobody_asked_for_it(self):
        sale = self.cluster.create_sale()
        redis = self.cluster.redis.process
        redis.send(signal.SIGSTOP)
        try:
            answer, trace_id, _ = self.buy(sale, flags="00")
        finally:
            redis.send(signal.SIGCONT)
        self.assertEqual(answer.status, 503, repr(answer))
        spans = self.wait_trace(trace_id, ROUTE)
        self.assertTrue(spans[ROUTE].failed)
        self.assertEqual(spans[ROUTE].attributes["error.type"], "503")
        self.assertEqual(spans[ROUTE].attributes["flashsale.kept_for"], "failure")
        self.cluster.wait_consistent(sale)

    def test_others_leave_nothing(self):
        sale = self.cluster.create_sale()
        _, unflagged, _ = self.buy(sale, flags="00")
        _, flagged, _ = self.buy(sale)
        self.wait_trace(flagged, ROUTE)
        self.assertEqual(self.collector.trace(unflagged), {})


class EventsTest(TracingCase):
    """Who hears of what a request has caused hears of its trace."""

    keeps = TracingCase.keeps | {"payments.webhook_secrets": SECRET, "events.webhooks.allow_private": True}

    def setUp(self):
        self.endpoint = EventEndpoint()
        self.addCleanup(self.endpoint.stop)
        made = self.check_status(self.cluster.admin("POST", "/admin/v1/webhooks", {
            "url": self.endpoint.url, "types": ["flashsale.order.*"]}), 201).json()
        self.addCleanup(lambda: self.cluster.admin("DELETE", f"/admin/v1/webhooks/{made['id']}"))

    def delivery(self, event_id):
        def taken():
            return next((one for one in self.endpoint.taken() if one.event["id"] == event_id), None)
        return harness.wait_until(taken, 20, f"{event_id} is not told")

    def feed(self, event_id):
        def told():
            page = self.cluster.admin("GET", "/admin/v1/events?limit=1000").json()
            return next((event for event in page["events"] if event["id"] == event_id), None)
        return harness.wait_until(told, 20, f"{event_id} is not in the feed")

    def check_cause(self, event_id, trace_id, name):
        server = self.wait_trace(trace_id, name)[name]
        expected = f"00-{trace_id}-{server.span_id}-01"
        delivery = self.delivery(event_id)
        self.assertEqual((delivery.event["traceparent"], delivery.headers["traceparent"]), (expected, expected))
        check_event(delivery.event)
        self.assertEqual(self.feed(event_id), delivery.event)

    def flagged(self):
        trace_id = secrets.token_hex(16)
        return trace_id, {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}

    def test_a_checkout_a_payment_and_a_cancellation(self):
        sale = self.cluster.create_sale(payment="required")
        trace_id, headers = self.flagged()
        customer = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer, headers=headers), 201).json()
        self.check_cause(f"{order['id']}/1", trace_id, ROUTE)

        trace_id, headers = self.flagged()
        provider = PaymentProvider(self.cluster, SECRET)
        self.check_status(provider.send(provider.notice(order), headers=headers), 200)
        self.check_cause(f"{order['id']}/2", trace_id, "POST /v1/webhooks/payments")

        trace_id, headers = self.flagged()
        path = f"/admin/v1/orders/{order['id']}/cancel"
        self.check_status(self.cluster.admin("POST", path, {"reason": "asked"}, headers=headers), 200)
        self.check_cause(f"{order['id']}/3", trace_id, "POST /admin/v1/orders/{order_id}/cancel")

    def test_others_name_none(self):
        sale = self.cluster.create_sale()
        answer, _, _ = self.buy(sale, flags="00")
        delivery = self.delivery(self.check_status(answer, 201).json()["id"] + "/1")
        self.assertNotIn("traceparent", delivery.event)
        self.assertNotIn("traceparent", delivery.headers)


class ExemplarsTest(TracingCase):
    """From a bucket of a histogram to a trace that is in it."""

    def test_a_prometheus_scrapes_them(self):
        instance = self.cluster.instances[0]
        prometheus = PrometheusServer(self.cluster.directory / "prometheus", [f"127.0.0.1:{instance.admin_port}"])
        self.addCleanup(prometheus.stop)
        sale = self.cluster.create_sale()
        flagged = {trace_id for answer, trace_id, _ in (self.buy(sale) for _ in range(5)) if answer.status == 201}
        unflagged = {self.buy(sale, flags="00")[1] for _ in range(5)}
        self.assertEqual(len(flagged), 5)
        for metric in ("http_server_request_duration_seconds_bucket", "flashsale_order_final_seconds_bucket"):
            found = harness.wait_until(lambda metric=metric: prometheus.exemplars(metric), 30, f"{metric} has none")
            traces = {trace_id for _, trace_id, _ in found}
            self.assertTrue(traces & flagged, found)
            self.assertFalse(traces & unflagged, found)
            for labels, _, value in found:
                self.assertLessEqual(value, float(labels["le"]))
        self.assertEqual(prometheus.value('up{job="flashsaled"}'), 1)

    def test_what_it_is_given_is_openmetrics_to_its_end(self):
        self.buy(self.cluster.create_sale())
        answer = self.cluster.instances[0].admin("GET", "/metrics",
                                                 headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        self.assertEqual(answer.header("Content-Type"), "application/openmetrics-text; version=1.0.0; charset=utf-8")
        text = answer.body.decode()
        self.assertTrue(text.endswith("\n# EOF\n"))
        types = re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE)
        self.assertEqual(len(types), len(set(types)))
        plain = self.cluster.instances[0].admin("GET", "/metrics").body.decode()
        self.assertNotIn("# EOF", plain)
        self.assertNotIn("trace_id", plain)
        for form in (r"^([a-z_]+)[ {]", r'[{,]le="([^"]*)"'):
            self.assertEqual(set(re.findall(form, text, re.MULTILINE)), set(re.findall(form, plain, re.MULTILINE)))


class SlowTest(TracingCase):
    keeps = {"tracing.keep_one_in": 0, "tracing.slow_ms": 300, "checkout.wait_ms": 1500}

    def test_a_slow_request_is_kept(self):
        sale = self.cluster.create_sale()
        with self.cluster.locked_items(sale):
            answer, trace_id, _ = self.buy(sale, flags="00")
        self.check_status(answer, 202)
        spans = self.wait_trace(trace_id, ROUTE, "commit")
        self.assertEqual(spans[ROUTE].attributes["flashsale.kept_for"], "slow")
        self.assertNotIn("flashsale.waited_ms", spans[ROUTE].attributes)

    def test_a_wish_that_the_server_grants_anyway_excuses_nothing(self):
        sale = self.cluster.create_sale()
        with self.cluster.locked_items(sale):
            answer, trace_id, _ = self.buy(sale, flags="00", Prefer="wait=1")
        self.check_status(answer, 202)
        spans = self.wait_trace(trace_id, ROUTE, "commit")
        self.assertEqual(spans[ROUTE].attributes["flashsale.kept_for"], "slow")


class WishTest(TracingCase):
    """Who asks to wait makes no request slow by it. What is waited is far longer than `slow_ms`, and that far longer
    than the rest takes."""

    keeps = {"tracing.keep_one_in": 0, "tracing.slow_ms": 3000, "checkout.wait_ms": 100}
    FEED = "GET /admin/v1/events"

    def poll(self, flags, wait_s):
        """At the end of the line, where no event of this sale comes: the trace's id."""
        trace_id = secrets.token_hex(16)
        headers = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-{flags}", "Prefer": f"wait={wait_s}"}
        answer = self.cluster.admin("GET", "/admin/v1/events?sale_id=never-told", headers=headers)
        self.assertEqual(self.check_status(answer, 200).json()["events"], [])
        return trace_id

    def test_a_long_poll_is_no_slow_request(self):
        unflagged = self.poll("00", 5)
        flagged = self.poll("01", 1)
        server = self.wait_trace(flagged, self.FEED)[self.FEED]
        self.assertEqual(server.attributes["flashsale.kept_for"], "flag")
        self.assertGreater(server.attributes["flashsale.waited_ms"], 0)
        self.assertEqual(self.collector.trace(unflagged), {})

    def test_a_checkout_that_waits_longer_by_its_clients_wish_is_none(self):
        sale = self.cluster.create_sale()
        with self.cluster.locked_items(sale):
            answer, unflagged, _ = self.buy(sale, flags="00", Prefer="wait=5")
            self.check_status(answer, 202)
            answer, flagged, _ = self.buy(sale, Prefer="wait=1")
            self.check_status(answer, 202)
            server = self.wait_trace(flagged, ROUTE)[ROUTE]
        self.assertGreater(server.attributes["flashsale.waited_ms"], 0)
        self.assertEqual(self.collector.trace(unflagged), {})
        self.cluster.wait_consistent(sale)


class ChanceTest(TracingCase):
    keeps = {"tracing.keep_one_in": 1, "tracing.kept_per_s_max": 100_000, "tracing.slow_ms": 60_000,
             "tracing.headers": "Authorization: Bearer hush-hush", "tracing.service_name": "drops"}

    def test_one_in_one_is_all(self):
        sale = self.cluster.create_sale()
        ids = [self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201).header("X-Request-Id")
               for _ in range(20)]
        for trace_id in ids:
            server = self.wait_trace(trace_id, ROUTE)[ROUTE]
            self.assertIsNone(server.parent_id)
            self.assertEqual(server.resource["service.name"], "drops")
            self.assertEqual(server.attributes["flashsale.kept_for"], "chance")
        self.assertEqual({call["Authorization"] for call in self.collector.calls}, {"Bearer hush-hush"})
        self.assertNotIn("hush-hush", self.cluster.instances[0].process.log_text())

    def test_a_path_that_names_a_customer_is_not_told(self):
        self.cluster.admin("POST", "/admin/v1/customers/alice-of-nowhere/erase", {})
        harness.wait_until(lambda: any("{customer_id}" in span.name for span in self.collector.spans()), 20, "no span")
        self.assertFalse([span for span in self.collector.spans() if "alice-of-nowhere" in repr(span.attributes)])


class CheckTest(TracingCase):
    keeps = TracingCase.keeps | {"tracing.headers": "Authorization: Bearer hush-hush"}

    def told(self, **settings):
        """The line about traces. Whatever it is, no reason against selling."""
        done = self.cluster.flashsaled("check", settings=settings)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("hush-hush", done.stdout + done.stderr)
        return next((line for line in done.stdout.splitlines() if " traces " in line), None)

    def test_check_tries_the_collector(self):
        self.assertEqual(self.told(), "note         traces reach their collector")
        self.assertEqual({call["Authorization"] for call in self.collector.calls}, {"Bearer hush-hush"})
        self.assertEqual(self.collector.spans(), [])
        for behaviour, why in ((404, "answered 404: tracing.url has to be the whole one, with its path"),
                               (401, "answered 401: it wants to know who sends (tracing.headers)"),
                               (307, "answered 307: tracing.url has to be where that leads"),
                               (415, "answered 415: it takes no JSON there"), (503, "answered 503"),
                               ("page", "answered 200 with something else than a collector does"),
                               ("hang", "")):
            with self.subTest(behaviour):
                self.collector.behave = lambda behaviour=behaviour: behaviour
                self.assertTrue(self.told().startswith(f"warning      traces do not reach their collector: {why}"))
        nowhere = f"http://127.0.0.1:{harness.free_port()}/v1/traces"
        self.assertRegex(self.told(**{"tracing.url": nowhere}),
                         "^warning      traces do not reach their collector: .*onnect")

    def test_without_traces_there_is_none_to_try(self):
        calls = len(self.collector.calls)
        self.assertIsNone(self.told(**{"tracing.enabled": False}))
        self.assertEqual(len(self.collector.calls), calls)


class CollectorTest(TracingCase):
    """One that does not take what it is sent: buyers notice nothing."""

    keeps = {"tracing.keep_one_in": 1, "tracing.kept_per_s_max": 100_000, "tracing.slow_ms": 60_000}

    def setUp(self):
        """What a test before this one has left waiting is sent."""
        sale = self.cluster.create_sale()
        traces = []

        def one_has_come():
            traces.append(self.buy(sale)[1])
            return any(self.collector.trace(trace_id) for trace_id in traces)
        harness.wait_until(one_has_come, 90, "the collector gets nothing", interval_s=0.5)

    def check_that_orders_flow(self, count=30):
        sale = self.cluster.create_sale()
        for _ in range(count):
            self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)

    def flood(self, requests):
        client = self.cluster.client()
        for _ in range(requests):
            self.check_status(client.get("/livez"), 200)

    def test_one_that_hangs(self):
        self.collector.behave = lambda: "hang"
        calls = len(self.collector.calls)
        self.check_that_orders_flow()
        harness.wait_until(lambda: len(self.collector.calls) > calls, 20, "it is not asked")
        self.check_that_orders_flow()
        self.flood(2600)  # more than may wait
        harness.wait_until(lambda: self.metric("flashsale_traces_dropped_total", reason="queue_full") > 0, 20,
                           "nothing is dropped")
        self.check_that_orders_flow()

    def test_one_that_never_stops_talking(self):
        self.collector.behave = lambda: "endless"
        taken = self.metric("flashsale_traces_exports_total", outcome="taken")
        self.check_that_orders_flow()
        harness.wait_until(lambda: self.metric("flashsale_traces_exports_total", outcome="taken") > taken, 60,
                           "its answer is waited for")

    def test_one_that_refuses_is_not_asked_twice_for_the_same(self):
        self.collector.behave = lambda: 400
        dropped = self.metric("flashsale_traces_dropped_total", reason="collector")
        self.check_that_orders_flow()
        harness.wait_until(lambda: self.metric("flashsale_traces_dropped_total", reason="collector") > dropped, 60,
                           "nothing is dropped")

    def test_one_that_is_busy_gets_it_later(self):
        answers = [503, 429]
        self.collector.behave = lambda: answers.pop() if answers else 200
        sale = self.cluster.create_sale()
        answer, trace_id, _ = self.buy(sale)
        self.check_status(answer, 201)
        self.wait_trace(trace_id, ROUTE, timeout_s=60)


class EndTest(TracingCase):
    keeps = {"tracing.keep_one_in": 1, "tracing.kept_per_s_max": 100_000, "tracing.slow_ms": 60_000,
             "shutdown.delay_ms": 0}

    def test_an_end_sends_what_there_is(self):
        sale = self.cluster.create_sale()
        instance = self.cluster.instances[0]
        answer, trace_id, _ = self.buy(sale)
        self.check_status(answer, 201)
        self.assertEqual(instance.stop(), 0)
        spans = self.wait_trace(trace_id, ROUTE, "commit")
        self.assertTrue(self.collector.find(spans["commit"].links[0]))
        instance.start()

    def test_an_end_does_not_wait_for_a_collector_that_hangs(self):
        self.collector.behave = lambda: "hang"
        instance = self.cluster.instances[0]
        self.buy(self.cluster.create_sale())
        began = time.monotonic()
        self.assertEqual(instance.stop(), 0)
        self.assertLess(time.monotonic() - began, 15 * harness.SLOWNESS)
        instance.start()


class AwayTest(TracingCase):
    """Nobody listens where the collector should be."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with contextlib.closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        cls.cluster.instances[0].settings = cls.cluster.instances[0].settings | {
            "tracing.url": f"http://127.0.0.1:{port}/v1/traces", "tracing.keep_one_in": 1}
        cls.cluster.instances[0].stop()
        cls.cluster.instances[0].start()

    def test_orders_flow_and_the_log_says_so_once(self):
        sale = self.cluster.create_sale()
        for _ in range(20):
            self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)
        harness.wait_until(lambda: self.metric("flashsale_traces_exports_total", outcome="failed") >= 2, 60,
                           "it is not asked")
        text = self.cluster.instances[0].process.log_text()
        self.assertEqual(text.count("traces do not reach their collector"), 1)


class OffTest(ClusterCase):
    def test_nothing_is_read_or_told(self):
        sale = self.cluster.create_sale()
        answer = self.cluster.buy(sale, self.cluster.new_customer(),
                                  headers={"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"})
        self.check_status(answer, 201)
        self.assertIsNone(answer.header("traceresponse"))
        self.assertNotIn("trace_id", self.cluster.instances[0].process.log_text())


if __name__ == "__main__":
    unittest.main()
