"""A collector of traces that takes OTLP over HTTP as JSON, holds every document against what OTLP says, and keeps the
spans. It behaves as it is told."""

import http.server
import json
import re
import threading

_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
_SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}")
_NANOS = re.compile(r"[1-9][0-9]{18}")
_REQUIRED = {"traceId", "spanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano"}
_OPTIONAL = {"parentSpanId", "attributes", "links", "status"}
INTERNAL, SERVER, CLIENT = 1, 2, 3
ERROR = 2


def _values(attributes):
    """{key: value}; int64 are texts in JSON, as Protocol Buffers have them."""
    values = {}
    for attribute in attributes:
        assert attribute.keys() == {"key", "value"} and len(attribute["value"]) == 1, attribute
        (kind, value), = attribute["value"].items()
        assert kind in ("stringValue", "intValue") and isinstance(value, str), attribute
        assert attribute["key"] not in values, attributes
        values[attribute["key"]] = int(value) if kind == "intValue" else value
    return values


class Span:
    def __init__(self, document, resource):
        assert _REQUIRED <= document.keys() <= _REQUIRED | _OPTIONAL, document
        assert _TRACE_ID.fullmatch(document["traceId"]) and _SPAN_ID.fullmatch(document["spanId"]), document
        assert _SPAN_ID.fullmatch(document.get("parentSpanId", "1" * 16)), document
        for moment in ("startTimeUnixNano", "endTimeUnixNano"):
            assert _NANOS.fullmatch(document[moment]), document
        assert document["kind"] in (INTERNAL, SERVER, CLIENT), document
        self.resource = resource
        self.trace_id = document["traceId"]
        self.span_id = document["spanId"]
        self.parent_id = document.get("parentSpanId")
        self.name = document["name"]
        self.kind = document["kind"]
        self.began = int(document["startTimeUnixNano"])
        self.ended = int(document["endTimeUnixNano"])
        assert self.began <= self.ended, document
        self.attributes = _values(document.get("attributes", []))
        self.links = [(link["traceId"], link["spanId"]) for link in document.get("links", [])]
        self.failed = document.get("status", {"code": 0})["code"] == ERROR

    @property
    def context(self):
        return self.trace_id, self.span_id

    def __repr__(self):
        return f"<{self.name} {self.trace_id}/{self.span_id} below {self.parent_id}>"


class TraceCollector:
    """`behave()` gives a status, or "hang", "endless" or "page"; it can be replaced at any time."""

    def __init__(self, behave=lambda: 200):
        self.behave = behave
        self.calls = []        # the headers of each
        self.wrong = []        # what is no OTLP
        self._spans = []
        self.lock = threading.Lock()
        self.ended = threading.Event()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                collector.answer(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """Clients go away when they like."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1/traces"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def answer(self, handler, body):
        what = self.behave()
        with self.lock:
            self.calls.append(dict(handler.headers) | {"path": handler.path})
        if what == "hang":
            self.ended.wait(60)
            return
        if what == "endless":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
            while not self.ended.is_set():
                handler.wfile.write(b"x" * 65536)
            return
        if what == 200:
            self._keep(body)
        answer = b"{}"
        if what == "page":
            what, answer = 200, b"\n<!doctype html><title>Traces</title>"
        handler.wfile.write(b"HTTP/1.1 %d Whatever\r\nContent-Length: %d\r\nContent-Type: application/json\r\n\r\n%b"
                            % (what, len(answer), answer))

    def _keep(self, body):
        try:
            spans = self._read(json.loads(body))
        except (AssertionError, KeyError, ValueError, TypeError) as wrong:
            spans = []
            with self.lock:
                self.wrong.append(repr(wrong))
        with self.lock:
            self._spans += spans

    @staticmethod
    def _read(document):
        assert document.keys() == {"resourceSpans"}, document.keys()
        spans = []
        for of_resource in document["resourceSpans"]:
            assert of_resource.keys() == {"resource", "scopeSpans"}, of_resource.keys()
            resource = _values(of_resource["resource"]["attributes"])
            for of_scope in of_resource["scopeSpans"]:
                assert of_scope.keys() == {"scope", "spans"} and of_scope["scope"]["name"], of_scope.keys()
                spans += [Span(span, resource) for span in of_scope["spans"]]
        return spans

    def spans(self):
        with self.lock:
            assert not self.wrong, self.wrong
            return list(self._spans)

    def trace(self, trace_id):
        """Its spans, by name; of those that have one name the last."""
        return {span.name: span for span in self.spans() if span.trace_id == trace_id}

    def find(self, context):
        """The span of this (trace, span), None if it has not come (yet)."""
        return next((span for span in self.spans() if span.context == context), None)

    def stop(self):
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
