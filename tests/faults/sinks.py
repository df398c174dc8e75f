"""A stage with everybody who can be told of events: a RabbitMQ behind a proxy that breaks the network, a webhook that
behaves as it is told, one that is always well, and a reader of the feed. Each has a history of all that it was told,
which no fault may leave with a loss or with disorder; and whoever is well is told at once, whatever becomes of others.
"""

import contextlib
import time

import harness
from harness.event_history import EventHistory, OrderList
from harness.event_readers import FeedReader, QueueReader
from harness.rabbitmq_server import RabbitmqServer
from tcp_proxy import TcpProxy

CAUGHT_UP_S = 60  # for a sink that was away, when the load has ended
AT_ONCE_S = 15    # for one that was not
ORDERS = "orders"  # where a round leaves what buyers know, in the stage's directory


class Hook(harness.EventEndpoint):
    """With a history of what it has taken. `what()` is how it answers; see EventEndpoint."""

    def __init__(self, name):
        super().__init__(self._take, keeps=False)
        self.name = name
        self.history = EventHistory()
        self.what = self.well
        self.failure = None

    @staticmethod
    def well():
        return 200

    def _take(self, event):
        what = self.what()
        if what == 200:
            with self.lock:
                self.history.add(event["id"], event["type"], int(event["sequence"]), event["data"].get("sale_id", ""))
        return what


class SinksStage(harness.Cluster):
    def __init__(self, scenario, **how):
        self.broker = self.proxy = self.busy_sale = None
        self.readers = []
        self.hooks = []
        try:
            self.broker = RabbitmqServer(harness.run_directory() / "rabbitmq-sinks")
            self.proxy = TcpProxy(harness.free_port(), self.broker.port)
            url = self.broker.url.replace(f":{self.broker.port}/", f":{self.proxy.port}/")
            self.queue = QueueReader(self.broker.url)
            self.readers.append(self.queue)
            super().__init__(scenario.instances, scenario.stage_settings | {
                "events.rabbitmq.url": url, "events.webhooks.allow_private": True}, own_postgres=True, **how)
            self.feed = FeedReader([("127.0.0.1", one.admin_port) for one in self.instances], self.admin_token)
            self.readers.append(self.feed)
            self.hook, self.well_hook = Hook("webhook"), Hook("webhook that is well")
            self.hooks = [self.hook, self.well_hook]
            for hook in self.hooks:
                made = self.admin("POST", "/admin/v1/webhooks", {"url": hook.url, "types": []})
                if made.status != 201:
                    raise harness.HarnessError(f"no webhook: {made.status} {made.body}")
            for reader in self.readers:
                reader.start()
        except BaseException:
            self.stop(check=False)
            raise

    def stop(self, check=True):
        with contextlib.ExitStack() as ends:  # the last one first, and each whatever becomes of the others
            for server in (self.broker, self.proxy):
                if server is not None:
                    ends.callback(server.stop)
            for hook in self.hooks:
                ends.callback(hook.stop)
            if hasattr(self, "instances"):
                ends.callback(super().stop, check)
            for reader in self.readers:
                if reader.ident is not None:
                    ends.callback(reader.stop)
            self.readers, self.hooks, self.broker, self.proxy = [], [], None, None

    def last_position(self):
        return self.query("SELECT last_position FROM event_line")[0][0]

    @property
    def everybody(self):
        return [*self.readers, *self.hooks]

    def hasten(self):
        """Events that a webhook did not take come at once, and not in minutes: the relay reads the times anew when it
        begins."""
        for paused in (True, False):
            for made in self.admin("GET", "/admin/v1/webhooks").json()["webhooks"]:
                self.admin("PATCH", f"/admin/v1/webhooks/{made['id']}", {"paused": paused})
            time.sleep(2.5)  # within which that is in force
            self.query("UPDATE webhook_retries SET next_at = now() RETURNING 1")

    def wait_felt(self, condition, timeout_s, what):
        """With a buyer in a sale of its own: the crowd's may be sold out, and nobody fails who has nothing to tell."""
        if self.busy_sale is None:
            self.busy_sale = self.create_sale(stock=1_000_000)

        def is_felt():
            self.buy(self.busy_sale, self.new_customer())
            return condition()
        harness.wait_until(is_felt, timeout_s, what, 0.1)

    def wait_error(self, text):
        """Until RabbitMQ's sink has it."""
        self.wait_felt(lambda: text in self.query("SELECT last_error FROM event_sinks WHERE name = 'rabbitmq'")[0][0],
                       40, f"no error with {text!r}")

    def wait_parked(self):
        """Until a webhook has not taken something."""
        self.wait_felt(lambda: self.query("SELECT 1 FROM webhook_retries LIMIT 1"), 40, "nothing is parked")

    def wait_told(self, *who, timeout_s=AT_ONCE_S):
        """Until these have been told of all that has happened up to now."""
        last = self.last_position()
        try:
            harness.wait_until(lambda: all(one.history.events >= last for one in who), timeout_s, "not told")
        except harness.HarnessError:
            raise harness.HarnessError(f"not told of {last} events: " +
                                       ", ".join(f"{one.name}: {one.history}" for one in who)) from None


def make_stage(scenario):
    return SinksStage(scenario)


def check_told(stage, _):
    """Everybody was told of everything, each order in order, and of just what buyers know."""
    try:
        stage.wait_told(*stage.everybody, timeout_s=CAUGHT_UP_S)
    except harness.HarnessError as failure:
        raise AssertionError(str(failure)) from None
    orders = OrderList(stage.directory / ORDERS)
    for one in stage.everybody:
        assert one.failure is None, f"{one.name}: {one.failure}"
        assert not one.history.faults(), f"{one.name}: {one.history.faults()}"
        for name, findings in orders.compare(one.history).items():
            assert findings.count == 0, f"{one.name}: {name}: {findings}"
