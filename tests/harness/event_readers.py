"""Consumers of events, each in a thread of its own with a history: of the feed, of RabbitMQ, of Kafka. They survive
their servers."""

import contextlib
import http.client
import json
import secrets
import subprocess
import threading
import time

import pika

from .event_history import EventHistory
from .surroundings import HarnessError

PAGE = 1000
PREFETCH = 500


class EventReader(threading.Thread):
    def __init__(self, name, is_whole=True):
        super().__init__(name=name, daemon=True)
        self.history = EventHistory(is_whole)
        self.failure = None  # one that no new try helps against
        self._is_ending = threading.Event()

    def run(self):
        while not self._is_ending.is_set() and self.failure is None:
            try:
                self.read()
            except (OSError, http.client.HTTPException, pika.exceptions.AMQPError):
                self._is_ending.wait(0.1)
            except Exception as failure:
                self.failure = failure
                raise

    def read(self):
        """Until it is to end, or fails."""
        raise NotImplementedError

    @property
    def is_ending(self):
        return self._is_ending.is_set()

    def stop(self):
        self._is_ending.set()
        if self.ident is not None:
            self.join(30)

    def add(self, event):
        """A whole CloudEvent."""
        self.history.add(event["id"], event["type"], int(event["sequence"]), event["data"].get("sale_id", ""))


class FeedReader(EventReader):
    """`admins`: (host, port) of instances, asked in turn when one fails."""

    def __init__(self, admins, token, after=0):
        super().__init__("feed", is_whole=after == 0)
        self.after = after
        self._admins = list(admins)
        self._headers = {"Authorization": f"Bearer {token}", "Prefer": "wait=1"}

    def read(self):
        self._admins.append(self._admins.pop(0))
        connection = http.client.HTTPConnection(*self._admins[0], timeout=10)
        try:
            while not self.is_ending:
                connection.request("GET", f"/admin/v1/events?after={self.after}&limit={PAGE}", headers=self._headers)
                response = connection.getresponse()
                page = response.read()
                if response.status in (401, 403, 404, 409, 410):
                    raise HarnessError(f"the feed answers {response.status}: {page[:300]}")
                if response.status != 200:
                    raise ConnectionError(f"the feed answers {response.status}")
                document = json.loads(page)
                for event in document["events"]:
                    self.add(event)
                self.after = document["next_after"]
        finally:
            connection.close()


class QueueReader(EventReader):
    """Of a durable queue of its own, which is there as soon as this is made, and gone when it has stopped. What is
    bound after the first events were told is not whole."""

    def __init__(self, url, exchange="flashsale", is_whole=True):
        super().__init__("rabbitmq", is_whole)
        self._url = url
        self.queue = f"flashsale.reader.{secrets.token_hex(6)}"
        with self._connect() as connection:
            channel = connection.channel()
            channel.exchange_declare(exchange, "topic", durable=True)
            channel.queue_declare(self.queue, durable=True)
            channel.queue_bind(self.queue, exchange, "#")

    def _connect(self):
        parameters = pika.URLParameters(self._url + ("%2F" if self._url.endswith("/") else ""))
        parameters.heartbeat, parameters.socket_timeout = 600, 5
        return pika.BlockingConnection(parameters)

    def read(self):
        with self._connect() as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=PREFETCH)
            unsettled = 0
            for method, properties, body in channel.consume(self.queue, inactivity_timeout=0.1):
                if method is not None:
                    self._take(properties, body)
                    unsettled += 1
                    last = method.delivery_tag
                if unsettled and (method is None or unsettled >= PREFETCH // 2):
                    channel.basic_ack(last, multiple=True)
                    unsettled = 0
                if self.is_ending:
                    return

    def _take(self, properties, body):
        data = json.loads(body)
        self.history.add(properties.message_id, properties.type, int(properties.headers["cloudEvents:sequence"]),
                         data.get("sale_id", ""))

    def stop(self):
        """The queue stays when the broker is away."""
        super().stop()
        with contextlib.suppress(OSError, pika.exceptions.AMQPError), self._connect() as connection:
            connection.channel().queue_delete(self.queue)


class TopicReader(EventReader):
    """Of all partitions of a Kafka topic, by kcat: what was committed. Between partitions there is no order."""

    def __init__(self, brokers, topic="flashsale.events"):
        super().__init__("kafka")
        # -E: it waits for brokers that are away.
        self._command = ["kcat", "-b", brokers, "-C", "-E", "-t", topic, "-q", "-u", "-o", "beginning",
                         "-X", "isolation.level=read_committed"]
        self._kcat = None

    def read(self):
        with subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as self._kcat:
            for line in self._kcat.stdout:
                self.add(json.loads(line))
        if not self.is_ending:
            raise HarnessError(f"kcat ended with {self._kcat.returncode}")

    def stop(self):
        self._is_ending.set()
        if self._kcat is not None:
            self._kcat.terminate()
        super().stop()


def wait_for_end(readers, last_position, timeout_s, poll_s=0.2):
    """Until each has had `last_position()`; those that have not."""
    deadline = time.monotonic() + timeout_s
    while True:
        last = last_position()
        behind = [one for one in readers if one.history.last < last or one.failure is not None]
        if not behind or time.monotonic() > deadline or any(one.failure is not None for one in readers):
            return behind
        time.sleep(poll_s)
