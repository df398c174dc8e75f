"""What operators see each second: that it agrees with the audit and the report, who may watch, and that a link to watch
ends and changes nothing.
"""

import contextlib
import http.client
import json
import time
import unittest

import harness
import jsonschema
import yaml
from harness import ClusterCase, wait_until

STREAM = "/admin/v1/ops/stream"
LINKS = "/admin/v1/ops/links"
SECRET = "watch-secret-of-the-tests-" + "x" * 16


class OpsStream:
    """One who watches; `with` closes the connection."""

    def __init__(self, cluster, where=0, token=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", cluster.instances[where].admin_port,
                                                     timeout=20 * harness.SLOWNESS)
        self.connection.request("GET", STREAM, headers={"Authorization": f"Bearer {token or cluster.admin_token}"})
        self.answer = self.connection.getresponse()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # The answer holds the socket, too.
        self.answer.close()
        self.connection.close()

    def second(self):
        """The next document; None at the end."""
        return self.next("second")

    def next(self, event):
        """The data of the next event of this name."""
        name = None
        while line := self.answer.readline():
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data" and name == event:
                return json.loads(value)
        return None

    def until(self, is_there, message, seconds_max=20):
        """Reads on; the documents up to the one that `is_there(document)` holds for."""
        seen = []
        for _ in range(int(seconds_max * harness.SLOWNESS)):
            seen.append(self.second())
            if seen[-1] is None or is_there(seen[-1]):
                break
        if not seen or seen[-1] is None or not is_there(seen[-1]):
            raise AssertionError(f"{message}: {seen[-1:]}")
        return seen


def sale_of(second, sale):
    """Empty: that instance does not know it yet."""
    return next((each for each in second["sales"] if each["id"] == sale), {})


class OpsCase(ClusterCase):
    instances = 2
    settings = {"admin.watch_secret": SECRET}

    def link(self, valid_s=600, where=0, token=None):
        return self.cluster.admin("POST", LINKS, {"valid_s": valid_s}, where=where, token=token)


class OpsStreamTest(OpsCase):
    def outcomes(self, seconds):
        """Checkouts by outcome, of all instances since they began."""
        total = {}
        for second in seconds:
            for name, one in second["checkouts"]["outcomes"].items():
                total[name] = total.get(name, 0) + one["total"]
        return total

    def test_it_agrees_with_audit_and_report(self):
        sale = self.cluster.create_sale(stock=30)
        with OpsStream(self.cluster, 0) as one, OpsStream(self.cluster, 1) as other:
            before = [one.second(), other.second()]
            answers = harness.crowd(self.ports, 80, lambda number, client: self.cluster.buy(
                sale, f"buyer-{number}", client=client).status)
            self.cluster.wait_consistent(sale)
            audit = self.cluster.audit(sale)["items"][0]
            seen = one.until(lambda second: sale_of(second, sale)["items"][0]["remaining"] == audit["remaining"] and
                             sale_of(second, sale)["orders_a_second"] == 0, "the sale does not come to rest")
            now = [seen[-1], other.until(lambda second: second["at"] >= seen[-1]["at"], "no new second")[-1]]
        # On a slow machine some are turned away before the stock is sold.
        accepted = sum(status in (201, 202) for status in answers)
        self.assertGreater(accepted, 0)
        shown = sale_of(now[0], sale)
        self.assertEqual((shown["items"][0]["stock"], shown["items"][0]["remaining"]),
                         (audit["stock"], audit["remaining"]))
        self.assertEqual(shown["orders"], audit["live_units"])
        grown = {name: count - self.outcomes(before)[name] for name, count in self.outcomes(now).items()}
        self.assertEqual(grown["committed"] + grown["taken"], accepted)
        refused = {name: count for name, count in grown.items()
                   if count and now[0]["checkouts"]["outcomes"][name]["refusal"]}
        self.assertEqual(sum(refused.values()), 80 - accepted)
        wait_until(lambda: self.cluster.admin("GET", f"/admin/v1/sales/{sale}/report").json()["refusals"] == refused,
                   10, f"the report does not come to {refused}")
        # Rates, each for its time, are what the totals grew by.
        parts = [second["checkouts"]["outcomes"]["sold_out"]["a_second"] * second["seconds"] for second in seen]
        total = seen[-1]["checkouts"]["outcomes"]["sold_out"]["total"] - \
            before[0]["checkouts"]["outcomes"]["sold_out"]["total"]
        self.assertAlmostEqual(sum(parts), total, delta=0.05 * total + 0.1)
        slowest = max(filter(None, (second["checkouts"]["latency_ms"]["p99"] for second in seen)))
        self.assertGreater(slowest, 0)

    def test_each_second_is_as_described(self):
        self.cluster.create_sale()
        document = yaml.safe_load((harness.ROOT / "openapi.yaml").read_text(encoding="utf-8"))
        schema = {"components": document["components"], "$ref": "#/components/schemas/OpsSecond"}
        with OpsStream(self.cluster, 0) as one, OpsStream(self.cluster, 1) as other:
            seconds = [one.second(), one.second(), one.second()]
            for second in seconds:
                jsonschema.Draft202012Validator(schema).validate(second)
            self.assertNotEqual(seconds[0]["instance"], other.second()["instance"])
            self.assertEqual(seconds[-1]["health"]["failing"], [])
            self.assertIsNotNone(seconds[-1]["events"]["last_position"])
            self.assertTrue(0.5 < seconds[-1]["seconds"] < 10 * harness.SLOWNESS, seconds[-1]["seconds"])

    def test_a_sale_that_is_paused_elsewhere_is_shown(self):
        sale = self.cluster.create_sale()
        with OpsStream(self.cluster, 0) as stream:
            stream.until(lambda second: sale_of(second, sale).get("state") == "open", "it is not open")
            self.check_status(self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", {"state": "paused"}, where=1), 200)
            stream.until(lambda second: sale_of(second, sale).get("state") == "paused", "it is not paused")

    def test_strangers_are_not_let_in(self):
        for token in (False, "wrong", "watch-9999999999.wrong"):
            with self.subTest(token=token):
                answer = self.check_status(self.cluster.admin("GET", STREAM, token=token), 401, "unauthorized")
                self.assertIn("Bearer", answer.header("WWW-Authenticate"))
        self.check_status(self.cluster.admin("GET", STREAM + "?sale_id=a"), 400, "malformed-request")

    def test_it_says_what_the_viewer_may_do(self):
        with OpsStream(self.cluster) as operator:
            self.assertEqual(operator.next("viewer"), {"role": "operator"})
        link = self.check_status(self.link(), 200).json()
        with OpsStream(self.cluster, token=link["token"]) as guest:
            self.assertEqual(guest.next("viewer"), {"role": "watch"})

    def test_it_ends_when_the_instance_does(self):
        instance = self.cluster.add_instance()
        with OpsStream(self.cluster, self.cluster.instances.index(instance)) as stream:
            self.assertIsNotNone(stream.second())
            began = time.monotonic()
            instance.terminate()
            while stream.second() is not None:
                pass
            self.assertLess(time.monotonic() - began, 10 * harness.SLOWNESS)
        self.assertEqual(instance.stop(), 0)


class WatchLinkTest(OpsCase):
    CALLS = (("GET", "/admin/v1/sales"), ("GET", "/admin/v1/flags"), ("GET", "/admin/v1/events"),
             ("GET", "/admin/v1/log"), ("PATCH", "/admin/v1/sales/{sale}"), ("PUT", "/admin/v1/flags/checkout"),
             ("POST", "/admin/v1/sales/{sale}/items/sneaker-42/stock"), ("POST", LINKS),
             ("GET", "/admin/v1/sales/{sale}/report"))

    def test_it_watches_at_every_instance_and_changes_nothing(self):
        sale = self.cluster.create_sale()
        made = self.check_status(self.link(), 200).json()
        self.assertEqual(made["path"], "/ops#watch=" + made["token"])
        self.assertAlmostEqual(harness.unix_time(made["expires_at"]), time.time() + 600, delta=60)
        for where in (0, 1):
            with OpsStream(self.cluster, where, made["token"]) as stream:
                stream.until(lambda second: sale_of(second, sale), "the sale is not shown")
        for method, path in self.CALLS:
            with self.subTest(method=method, path=path):
                answer = self.cluster.admin(method, path.format(sale=sale), {} if method != "GET" else None,
                                            token=made["token"])
                self.check_status(answer, 401, "unauthorized")
        for instance in self.cluster.instances:
            self.assertNotIn(made["token"], instance.process.log_text())
            self.assertNotIn(made["token"].partition(".")[2], instance.process.log_text())
        self.assertIn("link to watch made", self.cluster.instances[0].process.log_text())

    def test_it_ends(self):
        token = self.check_status(self.link(valid_s=int(2 * harness.SLOWNESS)), 200).json()["token"]
        with OpsStream(self.cluster, 1, token) as stream:
            count = 0
            while stream.second() is not None:
                count += 1
        self.assertGreater(count, 0)
        answer = self.check_status(self.cluster.admin("GET", STREAM, token=token), 401, "unauthorized")
        self.assertIn("expired", answer.json()["detail"])

    def test_those_who_have_one_leave_places_to_operators(self):
        token = self.check_status(self.link(), 200).json()["token"]
        with contextlib.ExitStack() as streams:
            watchers = [streams.enter_context(OpsStream(self.cluster, 0, token)) for _ in range(97)]
            self.assertEqual([watcher.answer.status for watcher in watchers], [200] * 96 + [503])
            self.assertIsNotNone(streams.enter_context(OpsStream(self.cluster)).second())
        wait_until(lambda: self.can_watch(token), 10 * harness.SLOWNESS, "the places of those who left are not free")

    def can_watch(self, token):
        with OpsStream(self.cluster, 0, token) as stream:
            return stream.answer.status == 200

    def test_only_operators_make_one_and_not_for_ever(self):
        for body in ({"valid_s": 0}, {"valid_s": 604_801}, {"valid_s": "1"}, {"for_s": 1}):
            with self.subTest(body):
                self.check_status(self.cluster.admin("POST", LINKS, body), 400, "malformed-request")
        self.check_status(self.cluster.admin("POST", LINKS), 200)
        self.check_status(self.cluster.admin("POST", LINKS, token=False), 401, "unauthorized")

    def test_without_a_secret_it_is_good_where_it_was_made(self):
        instance = self.cluster.add_instance({"admin.watch_secret": None})
        where = self.cluster.instances.index(instance)
        token = self.check_status(self.link(where=where), 200).json()["token"]
        with OpsStream(self.cluster, where, token) as stream:
            self.assertIsNotNone(stream.second())
        self.check_status(self.cluster.admin("GET", STREAM, token=token), 401, "unauthorized")


if __name__ == "__main__":
    unittest.main()
