"""Events arrive at a real RabbitMQ, each of them and in order, whatever becomes of the broker meanwhile."""

import itertools
import json
import subprocess
import threading
import time
import unittest

import harness
import pika
from harness import ClusterCase
from harness.event_backlog import cancel_backlog, make_backlog
from harness.rabbitmq_server import RabbitmqServer

EXCHANGE = "flashsale"
ORDERS = 30_000
# Of one crash, as docs/operating.md promises: what was taken and is not written down, and the batch under way.
REPEATS_MAX = 1000 + 1000


class Consumer:
    """Takes what arrives in a durable queue of its own, in a thread; it survives its broker."""

    def __init__(self, broker, name, bindings=("#",)):
        self.broker = broker
        self.name = name
        self.messages = []  # (properties, body), in the order of arrival
        self._ending = False
        with broker.connect() as connection:
            channel = connection.channel()
            channel.exchange_declare(EXCHANGE, "topic", durable=True)
            channel.queue_declare(name, durable=True)
            for binding in bindings:
                channel.queue_bind(name, EXCHANGE, binding)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ending:
            try:
                with self.broker.connect() as connection:
                    self._take(connection.channel())
            except (pika.exceptions.AMQPError, OSError):
                time.sleep(0.1)

    def _take(self, channel):
        for method, properties, body in channel.consume(self.name, inactivity_timeout=0.1):
            if method is not None:
                self.messages.append((properties, body))
                channel.basic_ack(method.delivery_tag)
            if self._ending:
                return

    def bind(self, key):
        with self.broker.connect() as connection:
            connection.channel().queue_bind(self.name, EXCHANGE, key)

    def unbind(self, key):
        with self.broker.connect() as connection:
            connection.channel().queue_unbind(self.name, EXCHANGE, key)

    def stop(self):
        self._ending = True
        self._thread.join()
        with self.broker.connect() as connection:
            connection.channel().queue_delete(self.name)


class Certificates:
    """An authority of a test, and a certificate of localhost that it has signed."""

    def __init__(self, directory):
        directory.mkdir(parents=True, exist_ok=True)
        self.authority, self.certificate, self.key = (directory / name for name in ("ca.pem", "server.pem", "key.pem"))
        self._make(directory / "ca-key.pem", self.authority, "/CN=authority of a test", [])
        self._make(self.key, self.certificate, "/CN=localhost",
                   ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
                    "-CA", self.authority, "-CAkey", directory / "ca-key.pem"])

    @staticmethod
    def _make(key, certificate, subject, more):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", subject, "-keyout", key, "-out", certificate, *more],
                       check=True, capture_output=True)


def sequence(message):
    return int(message[0].headers["cloudEvents:sequence"])


class RabbitmqTest(ClusterCase):
    """A test ends with the broker as it was, and with all events taken."""

    rabbitmq_config = ""
    rabbitmq_settings = {}

    @classmethod
    def setUpClass(cls):
        cls.broker = RabbitmqServer(harness.run_directory() / f"rabbitmq-{cls.__name__}", cls.rabbitmq_config)
        cls.settings = {"events.rabbitmq.url": cls.broker.url,
                        "events.rabbitmq.exchange": EXCHANGE} | cls.rabbitmq_settings
        super().setUpClass()
        harness.wait_until(lambda: cls.cluster.query("SELECT 1 FROM event_sinks"), 10, "no sink has registered")

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.broker.stop()

    def consumer(self, name, bindings=("#",)):
        consumer = Consumer(self.broker, name, bindings)
        self.addCleanup(consumer.stop)
        return consumer

    def open_sale(self, **members):
        """Whose events of its making and of its opening, which comes by the clock a moment later, have been left."""
        sale = self.cluster.create_sale(**members)
        harness.wait_until(lambda: self.cluster.query("SELECT told_state FROM sales WHERE sale_id = %s", (sale,)) ==
                           [(1,)], 10, "nobody tells that the sale is open")
        return sale

    def sink(self):
        """(position, last error)"""
        return self.cluster.query("SELECT position, last_error FROM event_sinks WHERE name = 'rabbitmq'")[0]

    def last_position(self):
        return self.cluster.query("SELECT last_position FROM event_line")[0][0]

    def unnumbered(self):
        return self.cluster.query("SELECT count(*) FROM outbox WHERE position IS NULL")[0][0]

    def sell(self, sale, count):
        for _ in range(count):
            self.check_status(self.cluster.buy(sale, self.cluster.new_customer()), 201)

    def wait_error(self, text, timeout_s=40):
        harness.wait_until(lambda: text in self.sink()[1], timeout_s, f"no error with {text!r}: {self.sink()}", 0.1)

    def wait_told(self, timeout_s=60):
        """Until all is told that has happened; the last position."""
        def told():
            return not self.unnumbered() and self.sink() == (self.last_position(), "")
        harness.wait_until(told, timeout_s, f"not all is told: {self.sink()} of {self.last_position()}", 0.1)
        return self.last_position()

    def check_all(self, consumer, after, until):
        """Each event from behind `after` on, each for the first time in order; a repeat is the same."""
        def arrived():
            return {sequence(message) for message in list(consumer.messages)} >= set(range(after + 1, until + 1))
        harness.wait_until(arrived, 20, f"events are missing among {len(consumer.messages)} to {until}")
        seen = {}
        for properties, body in consumer.messages:
            position = int(properties.headers["cloudEvents:sequence"])
            if position not in seen:
                self.assertEqual(len(seen), position - after - 1, "first deliveries are out of order")
                seen[position] = (properties.message_id, body)
            self.assertEqual((properties.message_id, body), seen[position])
        self.assertEqual(len({event_id for event_id, _ in seen.values()}), len(seen))


class DeliveryTest(RabbitmqTest):
    def test_each_event_arrives_once_in_order_and_describes_itself(self):
        after = self.last_position()
        consumer = self.consumer("once")
        sale = self.open_sale(stock=30)
        self.sell(sale, 20)
        until = self.wait_told()
        self.check_all(consumer, after, until)
        self.assertEqual(len(consumer.messages), until - after, "repeated without need")
        confirmed = [message for message in consumer.messages if message[0].type == "flashsale.order.confirmed"]
        self.assertEqual(len(confirmed), 20)
        properties, body = confirmed[0]
        order = json.loads(body)
        self.assertEqual(order["sale_id"], sale)
        self.assertEqual(properties.content_type, "application/json")
        self.assertEqual(properties.delivery_mode, 2)
        self.assertEqual(properties.message_id, f"{order['id']}/1")
        headers = properties.headers
        self.assertEqual({name.removeprefix("cloudEvents:") for name in headers},
                         {"specversion", "id", "source", "type", "subject", "time", "dataschema", "sequence",
                          "partitionkey"})
        self.assertEqual(headers["cloudEvents:specversion"], "1.0")
        self.assertEqual(headers["cloudEvents:id"], properties.message_id)
        self.assertEqual(headers["cloudEvents:type"], properties.type)
        self.assertEqual(headers["cloudEvents:subject"], order["id"])
        self.assertEqual(headers["cloudEvents:partitionkey"], order["id"])
        self.assertEqual(headers["cloudEvents:source"], "/flashsaled")

    def test_a_queue_gets_the_types_that_it_is_bound_to(self):
        self.consumer("everything")
        consumer = self.consumer("sales", ["flashsale.sale.*"])
        sale = self.open_sale(stock=2)
        self.sell(sale, 2)
        self.wait_told()
        harness.wait_until(lambda: "flashsale.sale.sold_out" in [m[0].type for m in consumer.messages], 20,
                           "not sold out")
        self.assertEqual({m[0].type.rpartition(".")[0] for m in consumer.messages}, {"flashsale.sale"})


class BrokenTest(RabbitmqTest):
    def test_the_broker_is_killed_and_comes_back(self):
        after = self.wait_told()
        consumer = self.consumer("killed")
        sale = self.open_sale(stock=100)
        self.sell(sale, 10)
        self.broker.kill()
        self.sell(sale, 10)
        self.wait_error("cannot be reached")
        self.broker.start()
        self.sell(sale, 5)
        self.check_all(consumer, after, self.wait_told())

    def test_the_connection_is_closed_by_an_operator(self):
        after = self.wait_told()
        consumer = self.consumer("closed")
        sale = self.open_sale(stock=100)
        for _ in range(2):
            self.sell(sale, 10)
            self.broker.close_connections()
        self.sell(sale, 10)
        self.check_all(consumer, after, self.wait_told())

    def check_alarm(self, resource, set_alarm):
        after = self.wait_told()
        consumer = self.consumer("blocked-by-" + resource)
        sale = self.open_sale(stock=100)
        set_alarm(True)
        self.addCleanup(set_alarm, False)
        self.sell(sale, 20)
        self.wait_error("RabbitMQ has blocked whoever publishes: low on " + resource)
        set_alarm(False)
        until = self.wait_told()
        self.check_all(consumer, after, until)
        self.assertEqual(len(consumer.messages), until - after, "what waited was sent again")

    def test_a_memory_alarm_blocks_it_and_ends(self):
        self.check_alarm("memory", self.broker.set_memory_alarm)

    def test_a_disk_alarm_blocks_it_and_ends(self):
        self.check_alarm("disk", self.broker.set_disk_alarm)

    def test_it_does_not_answer_for_a_while(self):
        after = self.wait_told()
        consumer = self.consumer("hung")
        sale = self.open_sale(stock=100)
        self.sell(sale, 1)
        self.wait_told()
        self.broker.pause()
        self.addCleanup(self.broker.resume)
        self.sell(sale, 20)
        self.wait_error("confirms nothing")
        self.wait_error("does not answer")
        self.broker.resume()
        self.check_all(consumer, after, self.wait_told())

    def test_an_event_that_no_queue_takes_waits_for_one(self):
        after = self.wait_told()
        consumer = self.consumer("unbound")
        sale = self.open_sale(stock=100)
        self.sell(sale, 5)
        self.wait_told()
        consumer.unbind("#")
        self.sell(sale, 5)
        self.wait_error("no queue is bound to exchange flashsale for flashsale.order.confirmed")
        consumer.bind("#")
        self.check_all(consumer, after, self.wait_told())

    def test_a_full_queue_that_refuses_is_waited_for(self):
        consumer = self.consumer("beside")
        after = self.wait_told()
        with self.broker.connect() as connection:
            channel = connection.channel()
            channel.queue_declare("full", durable=True, arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
            channel.queue_bind("full", EXCHANGE, "flashsale.order.confirmed")
            sale = self.open_sale(stock=100)
            self.sell(sale, 8)
            self.wait_error("refuses flashsale.order.confirmed (basic.nack)")
            channel.queue_delete("full")
        self.check_all(consumer, after, self.wait_told())


class KilledInstanceTest(RabbitmqTest):
    def wait_position(self, position):
        harness.wait_until(lambda: self.sink()[0] >= position, 60, f"no event {position} is told: {self.sink()}", 0.005)

    def test_what_comes_again_is_the_same_and_no_more_than_is_promised(self):
        after = self.wait_told()
        consumer = self.consumer("survivor")
        instance = self.cluster.instances[0]
        sale = self.open_sale(stock=100_000)
        begin = self.wait_told()
        instance.stop()
        make_backlog(self.cluster, self.cluster.sale_no(sale), ORDERS)
        cancel_backlog(self.cluster, self.cluster.sale_no(sale))
        last = begin + 2 * ORDERS
        kills = 0
        instance.start()
        for share in (0.1, 0.3, 0.5):
            self.wait_position(begin + share * (last - begin))
            instance.kill()
            kills += 1
            self.assertLess(self.sink()[0], last, "all was told before it was killed")
            instance.start()
        until = self.wait_told(120)
        self.assertGreaterEqual(until, last)
        self.check_all(consumer, after, until)
        sequences = [sequence(message) for message in consumer.messages]
        self.assertLessEqual(len(sequences) - (until - after), kills * REPEATS_MAX)
        went_back = [(one, other) for one, other in itertools.pairwise(sequences) if other <= one]
        self.assertLessEqual(len(went_back), kills, went_back)
        changes = {}
        for properties, _ in consumer.messages:
            order, _, number = properties.message_id.rpartition("/")
            if int(number) not in changes.setdefault(order, []):
                changes[order].append(int(number))
        self.assertEqual([order for order, numbers in changes.items() if numbers != sorted(numbers)], [])
        self.assertEqual(sum(numbers == [1, 2] for order, numbers in changes.items() if order != sale), ORDERS)


class RefusedTest(RabbitmqTest):
    def restart_as(self, url):
        instance = self.cluster.instances[0]
        instance.stop()
        instance.settings["events.rabbitmq.url"] = url
        instance.start()

    def test_a_wrong_password_is_told_without_it(self):
        self.consumer("nobody")
        self.broker.control("change_password", "flashsale", "another")
        self.addCleanup(self.broker.control, "change_password", "flashsale", self.broker.password)
        self.broker.close_connections()
        sale = self.open_sale(stock=100)
        self.sell(sale, 1)
        self.wait_error("ACCESS_REFUSED")
        log = self.cluster.instances[0].process.log_text()
        self.assertIn("ACCESS_REFUSED", log)
        self.assertNotIn(self.broker.password, log)
        self.broker.control("change_password", "flashsale", self.broker.password)
        self.wait_told()

    def test_a_user_who_may_only_write_uses_an_exchange_that_is_there(self):
        consumer = self.consumer("readonly")
        after = self.wait_told()
        self.broker.control("add_user", "writer", "w")
        self.broker.control("set_permissions", "writer", "", f"^{EXCHANGE}$", "")
        self.restart_as(f"amqp://writer:w@127.0.0.1:{self.broker.port}/")
        self.addCleanup(self.restart_as, self.broker.url)
        sale = self.open_sale(stock=100)
        self.sell(sale, 3)
        self.check_all(consumer, after, self.wait_told())


class TlsTest(RabbitmqTest):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates(harness.run_directory() / "rabbitmq-certificates")
        cls.tls_port = harness.free_port()
        cls.rabbitmq_config = (f"listeners.ssl.1 = 127.0.0.1:{cls.tls_port}\n"
                               f"ssl_options.cacertfile = {cls.certificates.authority}\n"
                               f"ssl_options.certfile = {cls.certificates.certificate}\n"
                               f"ssl_options.keyfile = {cls.certificates.key}\n"
                               "ssl_options.verify = verify_none\nssl_options.fail_if_no_peer_cert = false\n")
        super().setUpClass()

    def test_only_a_server_with_a_certificate_that_is_trusted_is_told(self):
        consumer = self.consumer("tls")
        after = self.wait_told()
        instance = self.cluster.instances[0]
        url = f"amqps://flashsale:{self.broker.password}@localhost:{self.tls_port}/"
        instance.stop()
        instance.settings["events.rabbitmq.url"] = url
        instance.start()
        sale = self.open_sale(stock=10)
        self.sell(sale, 2)
        self.wait_error("cannot be reached: SSL")
        for host, error in (("127.0.0.1", "cannot be reached: SSL"), ("localhost", "")):
            instance.stop()
            instance.settings |= {"events.rabbitmq.url": url.replace("localhost", host),
                                  "events.rabbitmq.ca_file": self.certificates.authority}
            instance.start()
            self.sell(sale, 1)
            if error:
                self.wait_error(error)
        self.check_all(consumer, after, self.wait_told())


class DroppedTest(RabbitmqTest):
    rabbitmq_settings = {"events.rabbitmq.unroutable": "drop"}

    def test_what_no_queue_takes_is_passed_over_and_counted(self):
        consumer = self.consumer("orders", ["flashsale.order.#"])
        sale = self.open_sale(stock=100)
        self.sell(sale, 3)
        self.wait_told()
        harness.wait_until(lambda: len(consumer.messages) == 3, 20, "orders are missing")
        metrics = self.cluster.admin("GET", "/metrics").body.decode()
        line = next(line for line in metrics.splitlines() if line.startswith("flashsale_events_delivered_total")
                    and 'outcome="unroutable"' in line)
        self.assertGreaterEqual(float(line.rpartition(" ")[2]), 2)
        self.assertIn("no queue takes an event", self.cluster.instances[0].process.log_text())


if __name__ == "__main__":
    unittest.main()
