"""analytics/stream.py on a real Kafka: what it counts is what PostgreSQL sums, though it is killed and events repeat.

Runs where FLASHSALE_TEST_KAFKA_JARS and FLASHSALE_TEST_SPARK name the folders that `scripts/test --all` makes.
"""

import datetime
import json
import os
import pathlib
import signal
import subprocess
import unittest

import harness
from harness import ClusterCase, Process, item_definition, process_tree, wait_until
from harness.kafka_server import KafkaServer, read_topic, write_topic
from harness.order_sums import WINDOW_COLUMNS, origin_sums, status_sums, told_origins, wait_numbered, window_sums
from harness.payment_provider import PaymentProvider, make_secret

JARS = os.environ.get("FLASHSALE_TEST_KAFKA_JARS")
SPARK = os.environ.get("FLASHSALE_TEST_SPARK")
TOPIC = "flashsale.events"
SECRET = make_secret()
WIDTHS_S = (1, 60)


@unittest.skipUnless(JARS and SPARK, "FLASHSALE_TEST_KAFKA_JARS or FLASHSALE_TEST_SPARK names no folder")
class SparkTest(ClusterCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.kafka = KafkaServer(harness.run_directory() / "kafka", JARS)
        cls.kafka.make_topic(TOPIC, 3)
        cls.settings = {"events.kafka.brokers": cls.kafka.brokers, "events.kafka.topic": TOPIC,
                        "payments.webhook_secrets": SECRET, "events.origin_key": "k" * 32}
        super().setUpClass()
        cls.output = cls.cluster.directory / "insight"

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.kafka.stop()

    def job(self, *arguments):
        home = pathlib.Path(SPARK)
        jars = ",".join(map(str, sorted((home / "jars").glob("*.jar"))))
        return [home / "venv/bin/spark-submit", "--jars", jars, "--master", "local[2]", "--driver-memory", "1g",
                "--conf", "spark.sql.shuffle.partitions=2", "--conf", "spark.ui.enabled=false",
                # A few hundred rows are not worth a compiler.
                "--driver-java-options", "-XX:TieredStopAtLevel=1", "--conf", "spark.sql.codegen.wholeStage=false",
                harness.ROOT / "analytics/stream.py", "--output", self.output, "--brokers", self.kafka.brokers,
                "--widths-s", ",".join(map(str, WIDTHS_S)), *arguments]

    @property
    def environment(self):
        return harness.clean_environment() | {"PYSPARK_PYTHON": str(pathlib.Path(SPARK) / "venv/bin/python"),
                                              "SPARK_LOCAL_IP": "127.0.0.1"}

    def printed(self, command):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=self.environment,
                              cwd=self.cluster.directory, timeout=400 * harness.SLOWNESS)
        self.assertEqual(done.returncode, 0, done.stderr[-4000:])
        return json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else None

    def trade(self, sales, rounds):
        provider = PaymentProvider(self.cluster, SECRET)
        for number in range(rounds):
            customer = self.cluster.new_customer()
            address = {"X-Forwarded-For": f"192.0.2.{number % 3}"}
            lines = [{"sku": "hat", "quantity": 2}, {"sku": "shoe", "quantity": 1}][:1 + number % 2]
            bought = self.check_status(self.cluster.buy(sales[0], customer, body={"lines": lines}, headers=address),
                                       201).json()
            order = self.check_status(self.cluster.buy(sales[1], customer, sku="dress", headers=address), 201).json()
            if number % 3 == 0:
                self.check_status(self.cluster.cancel(bought["id"], customer), 200)
            if number % 2 == 0:
                self.check_status(provider.pay(order, card_fingerprint=f"fp_{number % 4}"), 200)
            if number % 4 < 2:
                self.check_status(self.cluster.cancel(order["id"], customer), 200)

    def batches(self):
        """How many the job has carried out of what it keeps of orders."""
        return len(list((self.output / "checkpoint/changes/commits").glob("[0-9]*")))

    def wait_told(self):
        last = wait_numbered(self.cluster)
        wait_until(lambda: self.cluster.query("SELECT 1 FROM event_sinks WHERE name = 'kafka' AND position >= %s",
                                              (last,)), 60, "not all is told", 0.2)

    def tell_again(self):
        """Every second event once more, and one that is so much later that all windows are complete."""
        records = read_topic(self.kafka.brokers, TOPIC)
        later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        ping = {"id": "later", "type": "flashsale.ping", "time": later.isoformat().replace("+00:00", "Z")}
        again = [(record["key"], record["payload"]) for record in records[::2]]
        write_topic(self.kafka.brokers, TOPIC, [*again, ("later", json.dumps(ping))])

    def test_figures_are_those_of_postgresql(self):
        items = [item_definition("shoe", 500, amount=12_999), item_definition("hat", 500, amount=1_050)]
        sales = (self.cluster.create_sale(items=items),
                 self.cluster.create_sale(items=[item_definition("dress", 500, amount=777, currency="USD")],
                                          payment="required", payment_window_s=3600))
        job = self.start_job()
        self.trade(sales, 8)
        wait_until(self.batches, 300, f"the job does nothing: {job.log_tail()}", 0.2)
        self.trade(sales, 16)
        self.kill(job)
        self.trade(sales, 8)
        self.wait_told()
        self.tell_again()
        self.printed(self.job("--until-end"))
        self.check_sums()

    def start_job(self):
        process = Process("spark", self.job("--trigger-s", "1"),
                          self.cluster.directory / "spark.log", env=self.environment, cwd=self.cluster.directory)
        self.addCleanup(self.kill, process)
        return process

    @staticmethod
    def kill(process):
        for pid in process_tree(process.pid) if process.exit_code is None else []:
            os.kill(pid, signal.SIGKILL)
        process.kill()

    def check_sums(self):
        report = self.printed(self.job("--report"))
        told = {(row["sale_id"], row["sku"], row["currency"], row["status"]):
                (row["orders"], row["units"], row["revenue"]) for row in report["orders"]}
        self.assertEqual(told, status_sums(self.cluster))
        items = {(row["sale_id"], row["sku"]): (row["stock"], row["taken_units"]) for row in report["items"]}
        self.assertEqual(items, {row[:2]: row[2:] for row in self.cluster.query(
            "SELECT sale_id, sku, stock, sold FROM item_stock")})
        for width_s in WIDTHS_S:
            told = {(harness.unix_time(row["window_start"]), row["sale_id"], row["sku"], row["currency"]):
                    tuple(row[name] for name in WINDOW_COLUMNS)
                    for row in report["windows"] if row["window_s"] == width_s}
            self.assertEqual(told, window_sums(self.cluster, width_s))
        origins = origin_sums(self.cluster)
        self.assertEqual(told_origins(report["shared_origins"]), origins)
        self.assertEqual({origin for _, origin, _ in origins}, {"address", "card"})
        insight = json.loads(subprocess.run(
            [harness.BINARY, "insight", "--once", "--url", f"http://127.0.0.1:{self.cluster.instances[0].admin_port}"],
            env=harness.clean_environment() | {"FLASHSALE_ADMIN_TOKEN": self.cluster.admin_token},
            capture_output=True, text=True, check=True, timeout=60).stdout)
        # Of customers who have bought as much, either may have others.
        self.assertEqual([row["units"] for row in report["buyers"]], [row["units"] for row in insight["buyers"]])
        self.assertEqual(told_origins(report["shared_origins"]), told_origins(insight["shared_origins"]))


if __name__ == "__main__":
    unittest.main()
