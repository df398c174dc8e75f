"""Holds config/kafka/pom.xml to what Maven reads: one that it cannot read would leave out all tests on a real Kafka.

Run: /usr/bin/python3 tests/unit/kafka_test.py
"""

import pathlib
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
POM = "{http://maven.apache.org/POM/4.0.0}"


class KafkaTest(unittest.TestCase):
    def test_maven_can_read_which_kafka_is_meant(self):
        document = xml.etree.ElementTree.parse(ROOT / "config" / "kafka" / "pom.xml")
        found = {one.findtext(f"{POM}artifactId"): one.findtext(f"{POM}version")
                 for one in document.iter(f"{POM}dependency")}
        self.assertEqual({"kafka_2.13", "kafka-tools"}, set(found))
        self.assertEqual(1, len(set(found.values())), "two versions of Kafka")


if __name__ == "__main__":
    unittest.main()
