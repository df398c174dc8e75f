"""Events arrive exactly once at a real Kafka, though instances and the broker die.

Runs where FLASHSALE_TEST_KAFKA_JARS names a folder with the jars of Kafka; `scripts/test --all` makes one.
"""

import json
import os
import subprocess
import unittest

import harness
from harness import ClusterCase
from harness.kafka_server import KafkaServer, read_topic
from harness.surroundings import BINARY, SLOWNESS

JARS = os.environ.get("FLASHSALE_TEST_KAFKA_JARS")
TOPIC = "flashsale.events"
PARTITIONS = 3


@unittest.skipUnless(JARS, "FLASHSALE_TEST_KAFKA_JARS names no folder")
class BrokerTest(ClusterCase):
    instances = 2

    @classmethod
    def setUpClass(cls):
        cls.kafka = KafkaServer(harness.run_directory() / "kafka", JARS)
        cls.run_cpp_tests()
        cls.settings = {"events.kafka.brokers": cls.kafka.brokers, "events.kafka.topic": TOPIC,
                        "events.kafka.exactly_once": True}
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.kafka.stop()

    @classmethod
    def run_cpp_tests(cls):
        """Those of the sink alone, which also make the topic of this one."""
        tests = BINARY.parent / "tests" / "integration_tests"
        done = subprocess.run([tests, "--gtest_filter=EventsKafkaBrokerTest.*"], capture_output=True, text=True,
                              env=os.environ | {"FLASHSALE_TEST_KAFKA": cls.kafka.brokers,
                                                "FLASHSALE_TEST_KAFKA_TOPIC": TOPIC}, timeout=300 * SLOWNESS)
        if done.returncode != 0:
            raise harness.HarnessError(done.stdout[-4000:])

    def query(self, sql):
        return self.cluster.query(sql)[0]

    def sell(self, sale, count):
        for number in range(count):
            customer = self.cluster.new_customer()
            harness.wait_until(lambda n=number, c=customer: self.try_to_buy(sale, c, n % 2), 30, "nothing is sold")

    def try_to_buy(self, sale, customer, first):
        for where in (first, 1 - first):
            if self.cluster.instances[where].alive:
                return self.cluster.buy(sale, customer, "k", where=where).status in (200, 201)
        return False

    def wait_told(self):
        def told():
            position, error = self.query("SELECT position, last_error FROM event_sinks WHERE name = 'kafka'")
            last, = self.query("SELECT last_position FROM event_line")
            unnumbered, = self.query("SELECT count(*) FROM outbox WHERE position IS NULL")
            return not unnumbered and not error and position == last and last
        return harness.wait_until(told, 90, "not all is told", 0.2)

    def read_all(self, count):
        """None while there are fewer."""
        records = read_topic(self.kafka.brokers, TOPIC)
        return records if len(records) >= count else None

    def test_each_event_is_there_once_whoever_dies(self):
        harness.wait_until(lambda: self.cluster.query("SELECT 1 FROM event_sinks"), 20, "no sink has registered")
        sale = self.cluster.create_sale(stock=1000)
        self.sell(sale, 40)
        for victim in (0, 1):
            self.cluster.instances[victim].kill()
            self.sell(sale, 40)
            self.cluster.instances[victim].start()
        self.kafka.kill()
        self.sell(sale, 20)
        self.kafka.start()
        self.sell(sale, 20)
        last = self.wait_told()
        # Kafka answers a commit before every partition has the mark of it.
        records = harness.wait_until(lambda: self.read_all(last), 30, f"not all {last} events are there", 0.5)
        events = [json.loads(record["payload"]) for record in records]
        positions = [int(event["sequence"]) for event in events]
        self.assertEqual(sorted(positions), list(range(1, last + 1)))
        for partition in range(PARTITIONS):
            there = [int(event["sequence"]) for record, event in zip(records, events)
                     if record["partition"] == partition]
            self.assertEqual(there, sorted(there))
        self.assertTrue(all(record["key"] == event["partitionkey"] for record, event in zip(records, events)))
        orders = [event for event in events if event["type"] == "flashsale.order.confirmed"]
        self.assertEqual(len({event["subject"] for event in orders}), 160)


if __name__ == "__main__":
    unittest.main()
