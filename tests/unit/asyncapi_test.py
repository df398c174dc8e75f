"""asyncapi.yaml is whole: it knows each type of event that there is, and every reference in it leads somewhere. That
events are as it says is held by the end-to-end tests (tests/harness/event_schemas.py).

Run: /usr/bin/python3 tests/unit/asyncapi_test.py
"""

import pathlib
import re
import unittest

import script_module

ROOT = pathlib.Path(__file__).resolve().parents[2]
event_schemas = script_module.loaded("../tests/harness/event_schemas.py")


def references(node):
    """Every $ref below a node."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolve(reference):
    name, _, pointer = reference.partition("#")
    node = event_schemas.documents()[name.removeprefix("./") or "asyncapi.yaml"]
    for step in pointer.strip("/").split("/"):
        node = node[step]
    return node


class AsyncApiTest(unittest.TestCase):
    def setUp(self):
        self.document = event_schemas.documents()["asyncapi.yaml"]

    def test_it_knows_every_type_and_no_other(self):
        source = (ROOT / "src" / "model" / "event_type.cpp").read_text(encoding="utf-8")
        types = set(re.findall(r'"(flashsale\.[a-z_.]+)"', source))
        self.assertEqual({message["name"] for message in self.document["components"]["messages"].values()}, types)
        self.assertEqual(set(self.document["channels"]["events"]["messages"]),
                         {name.removeprefix("flashsale.") for name in types})

    def test_every_reference_leads_somewhere(self):
        found = list(references(self.document))
        self.assertGreater(len(found), 50)
        for reference in found:
            with self.subTest(reference):
                resolve(reference)

    def test_it_is_of_this_version(self):
        version = re.search(r"project\(flashsaled VERSION (\S+)",
                            (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")).group(1)
        self.assertEqual(self.document["info"]["version"], version)
        self.assertEqual(self.document["asyncapi"], "3.0.0")

    def test_what_is_wrong_is_found(self):
        event = {"specversion": "1.0", "id": "x/1", "source": "/", "type": "flashsale.ping", "subject": "x",
                 "time": "2026-01-01T00:00:00.000000Z", "datacontenttype": "application/json",
                 "dataschema": "urn:flashsaled:schema:ping:1", "sequence": "0" * 19 + "1", "partitionkey": "x",
                 "data": {"webhook_id": "x"}}
        event_schemas.check_event(event)
        for change in ({"sequence": "1"}, {"type": "flashsale.pong"}, {"data": {}}, {"extra": 1}, {"id": ""},
                       {"dataschema": "urn:flashsaled:schema:pong:1"}):
            with self.subTest(change), self.assertRaises(AssertionError):
                event_schemas.check_event(event | change)

    def test_where_an_order_came_from_is_a_hash(self):
        order = {"id": "5a2c7c8e-54d4-8f0e-9d0b-3a0d6f3b7a11", "status": "confirmed", "client_hash": "0" * 32,
                 "payment": {"card_hash": "f" * 32}}
        event = {"specversion": "1.0", "id": "x/1", "source": "/", "type": "flashsale.order.confirmed", "subject": "x",
                 "time": "2026-01-01T00:00:00.000000Z", "datacontenttype": "application/json",
                 "dataschema": "urn:flashsaled:schema:order.confirmed:1", "sequence": "0" * 19 + "1",
                 "partitionkey": "x", "data": order}
        event_schemas.check_event(event)
        for wrong in ({"client_hash": "192.0.2.1"}, {"client_hash": "A" * 32}, {"payment": {}},
                      {"payment": {"card_hash": "fp_1"}}, {"payment": {"card_hash": "f" * 32, "card": "1"}}):
            with self.subTest(wrong), self.assertRaises(AssertionError):
                event_schemas.check_event(event | {"data": order | wrong})


if __name__ == "__main__":
    unittest.main()
