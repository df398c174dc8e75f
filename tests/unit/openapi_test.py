"""Holds openapi.yaml against the rules of OpenAPI 3.1 that matter to its readers, against itself (references,
schemas, examples), and against the table of problems in the source. That it names exactly what the router serves is
held by a test of the router.

Run: /usr/bin/python3 tests/unit/openapi_test.py
"""

import datetime
import os
import re
import unittest
import uuid

import jsonschema
import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
PROBLEM = "application/problem+json"

# What the contract promises, and what each must be able to answer.
OPERATIONS = {
    "get /": {303, 404},
    "get /livez": {200},
    "get /readyz": {200, 503},
    "post /v1/webhooks/payments": {200, 400, 401, 413, 503},
    "post /admin/v1/sales/{sale_id}/reset": {200, 401, 403, 404, 409, 503},
    "get /openapi.yaml": {200, 304},
    "get /problems/{name}": {200, 404},
    "get /v1/sales": {200, 304, 400},
    "get /v1/sales/{sale_id}": {200, 304, 404},
    "get /v1/sales/{sale_id}/events": {200, 400, 404, 429, 503},
    "post /v1/sales/{sale_id}/orders": {200, 201, 202, 400, 401, 404, 409, 413, 415, 422, 429, 431, 503},
    "get /v1/orders": {200, 400, 401, 429, 503},
    "get /v1/orders/{order_id}": {200, 401, 404, 429, 503},
    "post /v1/orders/{order_id}/cancel": {200, 401, 404, 409, 429, 503},
    "get /admin/v1/sales": {200, 400, 401, 403},
    "post /admin/v1/sales": {201, 400, 401, 403, 409, 413, 415, 422, 503},
    "get /admin/v1/sales/{sale_id}": {200, 401, 403, 404},
    "patch /admin/v1/sales/{sale_id}": {200, 400, 401, 403, 404, 409, 422, 503},
    "post /admin/v1/sales/{sale_id}/items/{sku}/stock": {200, 400, 401, 403, 404, 409, 422, 503},
    "get /admin/v1/sales/{sale_id}/audit": {200, 401, 403, 404, 503},
    "get /admin/v1/sales/{sale_id}/report": {200, 401, 403, 404, 503},
    "get /admin/v1/sales/{sale_id}/behaviour": {200, 400, 401, 403, 404, 503},
    "get /admin/v1/sales/{sale_id}/orders.csv": {200, 401, 403, 404, 503},
    "post /admin/v1/customers/{customer_id}/erase": {200, 400, 401, 403, 503},
    "get /admin/v1/orders": {200, 400, 401, 403, 503},
    "get /admin/v1/orders/{order_id}": {200, 401, 403, 404, 503},
    "post /admin/v1/orders/{order_id}/cancel": {200, 400, 401, 403, 404, 409, 503},
    "get /admin/v1/flags": {200, 401, 403, 503},
    "put /admin/v1/flags/{name}": {200, 400, 401, 403, 404, 415, 503},
    "get /admin/v1/events": {200, 400, 401, 403, 404, 410, 503},
    "get /admin/v1/events/stream": {200, 400, 401, 403, 404, 410, 503},
    "get /admin/v1/events/sinks": {200, 401, 403, 404, 503},
    "get /admin/v1/ops/stream": {200, 400, 401, 503},
    "post /admin/v1/ops/links": {200, 400, 401, 403, 415},
    "get /admin/v1/webhooks": {200, 401, 403, 503},
    "post /admin/v1/webhooks": {201, 400, 401, 403, 409, 413, 415, 503},
    "get /admin/v1/webhooks/{webhook_id}": {200, 401, 403, 404, 503},
    "patch /admin/v1/webhooks/{webhook_id}": {200, 400, 401, 403, 404, 413, 415, 503},
    "delete /admin/v1/webhooks/{webhook_id}": {204, 400, 401, 403, 404, 503},
    "get /admin/v1/webhooks/{webhook_id}/deliveries": {200, 401, 403, 404, 503},
    "post /admin/v1/webhooks/{webhook_id}/test": {200, 400, 401, 403, 404, 503},
    "post /admin/v1/webhooks/{webhook_id}/secret": {200, 400, 401, 403, 404, 415, 503},
    "get /admin/v1/log": {200, 400, 401, 403, 503},
    "get /metrics": {200},
}


class UniqueKeysLoader(yaml.SafeLoader):
    """YAML without repeated keys, of which the plain loader silently keeps the last. Times stay text."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if not isinstance(key, str):
                raise yaml.YAMLError(f"key {key!r} is no text, line {node.start_mark.line + 1}")
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"key {key!r} is repeated, line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


UniqueKeysLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def load():
    with open(os.path.join(ROOT, "openapi.yaml"), encoding="ascii") as stream:
        return yaml.load(stream, UniqueKeysLoader)


FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def is_time(value):
    if not isinstance(value, str):
        return True
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", value):
        return False
    datetime.datetime.strptime(value[:19], "%Y-%m-%dT%H:%M:%S")
    return True


@FORMATS.checks("uuid", raises=ValueError)
def is_uuid(value):
    return not isinstance(value, str) or str(uuid.UUID(value)) == value.lower()


def errors_of(document, schema, instance):
    """What is wrong with an instance; references in the schema are into the document."""
    whole = {"components": document["components"], "allOf": [schema]}
    validator = jsonschema.Draft202012Validator(whole, format_checker=FORMATS)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(instance)]


def walk(node, path=""):
    """Every mapping below a node with its path."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from walk(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from walk(value, f"{path}/{index}")


def is_example(path):
    return re.search(r"/(example|examples|default|const|enum)(/|$)", path) is not None


class OpenApiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.document = load()

    def resolve(self, node):
        while "$ref" in node:
            target = self.document
            self.assertTrue(node["$ref"].startswith("#/"), node["$ref"])
            for step in node["$ref"][2:].split("/"):
                self.assertIn(step.replace("~1", "/").replace("~0", "~"), target, node["$ref"])
                target = target[step]
            node = target
        return node

    def operations(self):
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield f"{method} {path}", item, item[method]

    def responses(self):
        for name, _, operation in self.operations():
            for status, response in operation["responses"].items():
                yield f"{name} {status}", self.resolve(response)

    def contents(self):
        """Every body of a request or response: (where, media type, its description)."""
        for name, _, operation in self.operations():
            for media, content in operation.get("requestBody", {}).get("content", {}).items():
                yield name + " request", media, content
        for where, response in self.responses():
            for media, content in response.get("content", {}).items():
                yield where, media, content

    def test_it_is_openapi_3_1(self):
        self.assertRegex(self.document["openapi"], r"^3\.1\.\d+$")
        self.assertTrue({"title", "version", "description"} <= set(self.document["info"]))

    def test_it_is_what_the_contract_promises(self):
        self.assertEqual(set(OPERATIONS), {name for name, _, _ in self.operations()})
        for name, _, operation in self.operations():
            statuses = {int(status) for status in operation["responses"]}
            self.assertLessEqual(OPERATIONS[name], statuses, name)

    def test_every_reference_leads_somewhere(self):
        count = 0
        for _, node in walk(self.document):
            if isinstance(node.get("$ref"), str):
                self.resolve(node)
                count += 1
        self.assertGreater(count, 100)

    def test_every_component_is_used(self):
        used = {node["$ref"] for _, node in walk(self.document) if isinstance(node.get("$ref"), str)}
        for kind, components in self.document["components"].items():
            if kind == "securitySchemes":
                continue
            for name in components:
                self.assertIn(f"#/components/{kind}/{name}", used)

    def test_operations_are_described(self):
        ids = [operation["operationId"] for _, _, operation in self.operations()]
        self.assertEqual(len(ids), len(set(ids)))
        known = {tag["name"] for tag in self.document["tags"]}
        for name, _, operation in self.operations():
            self.assertTrue(operation["summary"], name)
            self.assertTrue(set(operation["tags"]) <= known and {"public", "admin"} & set(operation["tags"]), name)
            for status, response in operation["responses"].items():
                self.assertRegex(status, r"^[1-5]\d\d$", name)
                self.assertTrue(self.resolve(response)["description"], f"{name} {status}")

    def test_listeners_follow_from_tags(self):
        public = [server["url"] for server in self.document["servers"]]
        for name, item, operation in self.operations():
            servers = [server["url"] for server in item.get("servers", self.document["servers"])]
            wanted = {"public": public, "admin": ["http://127.0.0.1:8081"]}
            self.assertEqual(set(servers), {url for tag in operation["tags"] for url in wanted.get(tag, [])}, name)

    def test_security_is_stated(self):
        schemes = self.document["components"]["securitySchemes"]
        for name, _, operation in self.operations():
            names = {scheme for choice in operation["security"] for scheme in choice}
            self.assertLessEqual(names, set(schemes), name)
            if " /admin/" in name:
                self.assertEqual(names, {"adminToken"}, name)
            elif " /v1/orders" in name or name.endswith("/orders"):
                self.assertEqual(names, {"buyerToken", "gatewayCustomer"}, name)
            elif " /v1/webhooks/" in name:
                self.assertEqual(names, {"webhookSignature"}, name)
            else:
                self.assertEqual(names, set(), name)
            self.assertEqual(bool(names), "401" in operation["responses"], name)

    def test_path_parameters_are_declared(self):
        for name, item, operation in self.operations():
            parameters = [self.resolve(p) for p in item.get("parameters", []) + operation.get("parameters", [])]
            declared = {p["name"] for p in parameters if p["in"] == "path"}
            self.assertEqual(declared, set(re.findall(r"{(\w+)}", name)), name)
            for parameter in parameters:
                self.assertTrue(parameter["description"], name)
                self.assertEqual(parameter["in"] == "path", parameter["required"] and parameter["in"] == "path", name)

    def test_schemas_are_valid(self):
        for name, schema in self.document["components"]["schemas"].items():
            with self.subTest(name):
                jsonschema.Draft202012Validator.check_schema(schema)
        for path, node in walk(self.document):
            if path.endswith("/schema") and not is_example(path):
                jsonschema.Draft202012Validator.check_schema(node)

    def test_objects_are_closed_and_require_known_members(self):
        # Providers add members as they like.
        open_ones = {"Problem", "PaymentSucceeded", "PaymentFailed", "PaymentFailed/properties/data", "OtherNotice",
                     "Payment", "ForeignPayment"}
        for path, node in walk(self.document["components"]["schemas"]):
            if is_example(path) or node.get("type") != "object" or "properties" not in node:
                continue
            with self.subTest(path):
                self.assertLessEqual(set(node.get("required", [])), set(node["properties"]))
                if path.strip("/") not in open_ones and "/allOf/" not in path:
                    self.assertIs(node.get("additionalProperties"), False)

    def examples(self):
        """(where, schema, value) of every example."""
        described = list(self.contents())
        for where, response in self.responses():
            for header, node in response.get("headers", {}).items():
                described.append((f"{where} {header}", "header", self.resolve(node)))
        for name, item, operation in self.operations():
            for parameter in item.get("parameters", []) + operation.get("parameters", []):
                node = self.resolve(parameter)
                described.append((f"{name} {node['name']}", "parameter", node))
        for where, _, node in described:
            values = [example["value"] for example in node.get("examples", {}).values()]
            if "example" in node:
                values.append(node["example"])
            for value in values:
                yield where, node["schema"], value

    def test_examples_keep_their_schemas(self):
        count = 0
        for where, schema, value in self.examples():
            count += 1
            self.assertEqual([], errors_of(self.document, schema, value), f"{where}: {value}")
        self.assertGreater(count, 100)

    def test_everything_has_an_example(self):
        shown = {where for where, _, _ in self.examples()}
        for where, media, _ in self.contents():
            if media != "application/yaml":
                self.assertIn(where, shown)

    def test_totals_in_examples_are_right(self):
        for path, node in walk(self.document):
            if "lines" in node and "total" in node and isinstance(node["total"].get("amount"), int):
                costs = [line["quantity"] * line["unit_price"]["amount"] for line in node["lines"]]
                self.assertEqual(node["total"]["amount"], sum(costs), path)
                if len(costs) == 1:
                    self.assertEqual({name: node[name] for name in node["lines"][0]}, node["lines"][0], path)
            if "availability" in node and "remaining" in node and isinstance(node["remaining"], int):
                self.assertEqual(node["remaining"] > 0, node["availability"] == "available", path)

    def test_errors_are_problems_with_their_own_status(self):
        for where, response in self.responses():
            status = int(where.split()[-1])
            content = response.get("content", {})
            if status < 400:
                self.assertNotIn(PROBLEM, content, where)
                continue
            self.assertEqual([PROBLEM], list(content), where)
            node = content[PROBLEM]
            values = [example["value"] for example in node.get("examples", {}).values()] + [node.get("example")]
            for value in filter(None, values):
                self.assertEqual(status, value["status"], where)

    def test_headers_are_where_clients_need_them(self):
        for where, response in self.responses():
            headers = set(response.get("headers", {}))
            status = where.split()[-1]
            if status in ("429", "503", "202"):
                self.assertIn("Retry-After", headers, where)
            # An erasure leaves nothing to look at: its 202 asks for the same request once more.
            if status in ("201", "202") and "/erase" not in where:
                self.assertIn("Location", headers, where)
            if status == "304":
                self.assertTrue({"ETag", "Cache-Control"} <= headers, where)
                self.assertNotIn("content", response, where)
            if status == "401":
                self.assertIn("WWW-Authenticate", headers, where)
            if status == "429":
                self.assertTrue({"RateLimit", "RateLimit-Policy"} <= headers, where)
            if status != "431":
                self.assertIn("X-Request-Id", headers, where)

    def problems_of_the_source(self):
        with open(os.path.join(ROOT, "src", "api", "problem.cpp"), encoding="utf-8") as stream:
            rows = re.findall(r'\{\w+,\s*"([a-z-]+)",\s*(\d+),\s*\d+,\s*"([^"]*)"', stream.read())
        self.assertGreater(len(rows), 25)
        return {name: (int(status), title) for name, status, title in rows}

    def test_problems_are_those_of_the_source(self):
        known = self.problems_of_the_source()
        self.assertEqual(set(known), set(self.document["components"]["schemas"]["ProblemName"]["enum"]))
        shown = set()
        for path, node in walk(self.document):
            match = re.fullmatch(r"/problems/([a-z-]+)", node["type"]) if isinstance(node.get("type"), str) else None
            if match:
                status, title = known[match.group(1)]
                self.assertEqual((status, title), (node["status"], node["title"]), path)
                shown.add(match.group(1))
        for name in ("malformed-request", "unauthorized", "unknown-sale", "unknown-item", "sold-out", "limit-exceeded",
                     "sale-not-open", "idempotency-key-reused", "invalid-quantity", "rate-limited", "overloaded",
                     "unavailable", "outcome-unknown"):
            self.assertIn(name, shown)

    def test_it_is_plain_text_that_can_be_embedded(self):
        with open(os.path.join(ROOT, "openapi.yaml"), "rb") as stream:
            data = stream.read()
        self.assertTrue(data.isascii())
        self.assertNotIn(b')embedded"', data)


class CheckerTest(unittest.TestCase):
    """The checks themselves can fail."""

    def test_repeated_keys_are_refused(self):
        with self.assertRaises(yaml.YAMLError):
            yaml.load("a: 1\nb: {c: 1, c: 2}\n", UniqueKeysLoader)
        with self.assertRaises(yaml.YAMLError):
            yaml.load("200: x\n", UniqueKeysLoader)

    def test_wrong_examples_are_found(self):
        document = load()
        order = {"$ref": "#/components/schemas/Order"}
        line = {"sku": "b", "quantity": 1, "unit_price": {"amount": 1, "currency": "EUR"}}
        good = {"id": str(uuid.uuid4()), "sale_id": "a", **line, "lines": [line],
                "total": {"amount": 1, "currency": "EUR"},
                "status": "confirmed", "created_at": "2026-01-02T03:04:05.000006Z"}
        self.assertEqual([], errors_of(document, order, good))
        for change in ({"id": "x"}, {"status": "sold"}, {"quantity": 0}, {"lines": []}, {"lines": [{"sku": "b"}]},
                       {"created_at": "2026-13-02T03:04:05Z"},
                       {"created_at": "yesterday"}, {"total": {"amount": 1.5, "currency": "EUR"}}, {"more": 1}):
            with self.subTest(change):
                self.assertNotEqual([], errors_of(document, order, good | change))
        self.assertNotEqual([], errors_of(document, order, {"id": good["id"]}))


if __name__ == "__main__":
    unittest.main()
