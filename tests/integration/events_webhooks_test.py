"""Events sent to endpoints by HTTP: setting them up, what arrives there, and what becomes of what they do not take."""

import random
import subprocess
import threading
import time
import unittest

import harness
from harness import SLOWNESS, ClusterCase, EventEndpoint, is_signed
from harness.event_backlog import cancel_backlog, make_backlog

ORDERS = "flashsale.order.*"
LAG_S = 10  # within which what has happened has arrived


class WebhookCase(ClusterCase):
    settings = {"events.webhooks.allow_private": True}

    def call(self, method, path="", body=None, where=None):
        if where is None:
            where = next(number for number, instance in enumerate(self.cluster.instances) if instance.alive)
        return self.cluster.admin(method, f"/admin/v1/webhooks{path}", body, where=where)

    def make(self, endpoint, **members):
        """Sets the endpoint up; its document, with the secret. It is gone after the test."""
        url = endpoint if isinstance(endpoint, str) else endpoint.url
        made = self.check_status(self.call("POST", "", {"url": url} | members), 201).json()
        self.addCleanup(lambda: self.assertIn(self.call("DELETE", f"/{made['id']}").status, (204, 404)))
        return made

    def endpoint(self, *arguments, **how):
        endpoint = EventEndpoint(*arguments, **how)
        self.addCleanup(endpoint.stop)
        return endpoint

    def show(self, made):
        return self.check_status(self.call("GET", f"/{made['id']}"), 200).json()

    def change(self, made, **members):
        return self.check_status(self.call("PATCH", f"/{made['id']}", members), 200).json()

    def try_it(self, made):
        return self.check_status(self.call("POST", f"/{made['id']}/test"), 200).json()

    def order(self, sale=None):
        """A new confirmed order: (id, customer)."""
        customer = self.cluster.new_customer()
        response = self.cluster.buy(sale or self.sale, customer)
        self.check_status(response, 201)
        return response.json()["id"], customer

    def cancel(self, order):
        self.check_status(self.cluster.cancel(*order), 200)

    def leader(self, made):
        """Who delivers, as long as none of them was killed."""
        for number, instance in enumerate(self.cluster.instances):
            if f'"sink":"webhook:{made["id"]}"' in instance.process.log_text():
                return number
        return None

    @property
    def sale(self):
        if not hasattr(self, "_sale"):
            self._sale = self.cluster.create_sale()
        return self._sale

    def wait_taken(self, endpoint, ids, timeout_s=LAG_S):
        """Until the endpoint has taken these, perhaps among others; all it has taken, in order."""
        def all_there():
            return set(ids) <= {event["id"] for event in endpoint.events()}
        try:
            harness.wait_until(all_there, timeout_s, "events do not arrive")
        except harness.HarnessError:
            self.fail(f"missing: {set(ids) - {event['id'] for event in endpoint.events()}}")
        return [event["id"] for event in endpoint.events()]


class ManageTest(WebhookCase):
    instances = 2

    def test_one_is_made_shown_changed_and_deleted(self):
        response = self.check_status(self.call("POST", "", {"url": "https://shop.example/hook?key=hush",
                                                            "types": [ORDERS], "paused": True}), 201)
        made = response.json()
        self.assertEqual(response.header("Location"), f"/admin/v1/webhooks/{made['id']}")
        self.assertRegex(made.pop("secret"), r"^whsec_[A-Za-z0-9+/]{43}=$")
        self.assertEqual((made["types"], made["paused"], made["enabled"]), ([ORDERS], True, True))
        self.assertEqual(self.check_status(self.call("GET", f"/{made['id']}", where=1), 200).json(), made)
        listed = self.check_status(self.call("GET"), 200).json()["webhooks"]
        self.assertEqual([one for one in listed if one["id"] == made["id"]], [made])
        changed = self.change(made, types=[], url="https://other.example/")
        self.assertEqual(changed, made | {"types": [], "url": "https://other.example/"})
        self.assertEqual(self.check_status(self.call("GET", f"/{made['id']}/deliveries"), 200).json(),
                         {"deliveries": []})
        self.check_status(self.call("DELETE", f"/{made['id']}"), 204)
        for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/deliveries"), ("POST", "/test"),
                             ("POST", "/secret")):
            body = {"paused": True} if method == "PATCH" else None
            self.check_status(self.call(method, f"/{made['id']}{path}", body), 404, "unknown-webhook")
        self.assertEqual([], self.cluster.query("SELECT 1 FROM event_sinks WHERE name = %s",
                                                (f"webhook:{made['id']}",)))

    def test_the_log_of_changes_holds_no_secret(self):
        made = self.make("https://shop.example/hook?key=hush", paused=True)
        fresh = self.check_status(self.call("POST", f"/{made['id']}/secret"), 200).json()["secret"]
        entries = self.check_status(self.cluster.admin("GET", "/admin/v1/log?limit=10"), 200).json()["entries"]
        mine = [entry for entry in entries if entry["subject"] == made["id"]]
        self.assertEqual(["webhook.secret_rotated", "webhook.created"], [entry["action"] for entry in mine])
        for secret in (made["secret"], fresh, "hush"):
            self.assertNotIn(secret, str(entries))
            self.assertNotIn(secret, self.cluster.log_tails())

    def test_what_makes_no_sense_is_refused(self):
        made = self.make("https://shop.example/", paused=True)
        for body in ({}, {"url": 1}, {"url": ""}, {"url": "ftp://shop.example/"}, {"url": "https://a:b@shop.example/"},
                     {"url": "https://shop.example/", "types": ["nothing.*"]},
                     {"url": "https://shop.example/", "types": "*"}, {"url": "https://shop.example/", "more": 1},
                     {"url": "https://shop.example/", "enabled": True}):
            self.check_status(self.call("POST", "", body), 400, "malformed-request")
        for body in ({}, {"url": "x"}, {"paused": 1}, {"types": None}, {"enabled": "yes"}, {"secret": "x"}):
            self.check_status(self.call("PATCH", f"/{made['id']}", body), 400, "malformed-request")
        for body in ({"overlap_s": -1}, {"overlap_s": 604_801}, {"more": 1}):
            self.check_status(self.call("POST", f"/{made['id']}/secret", body), 400, "malformed-request")
        self.check_status(self.cluster.admin("POST", "/admin/v1/webhooks", b"{}", {"Content-Type": "text/plain"}), 415)

    def test_there_are_only_so_many(self):
        while True:
            response = self.call("POST", "", {"url": "https://shop.example/", "paused": True})
            if response.status != 201:
                break
            self.addCleanup(self.call, "DELETE", f"/{response.json()['id']}")
        self.check_status(response, 409, "too-many-webhooks")
        self.assertEqual(len(self.call("GET").json()["webhooks"]), 16)

    def test_a_test_tells_what_came_back(self):
        endpoint = self.endpoint()
        made = self.make(endpoint, types=["flashsale.sale.*"])
        answer = self.try_it(made)
        self.assertEqual((answer["delivered"], answer["status"], answer["error"]), (True, 200, None))
        [delivery] = endpoint.taken()
        self.assertEqual((delivery.event["id"], delivery.event["type"]), (answer["event_id"], "flashsale.ping"))
        self.assertEqual(delivery.headers["Content-Type"], "application/cloudevents+json; charset=utf-8")
        self.assertEqual(delivery.headers["webhook-id"], delivery.event["id"])
        self.assertLess(abs(time.time() - int(delivery.headers["webhook-timestamp"])), 60 * SLOWNESS)
        self.assertTrue(is_signed(delivery, made["secret"]))
        self.assertFalse(is_signed(delivery, "whsec_" + "A" * 44))

    def test_an_endpoint_that_misbehaves_is_told_of(self):
        other = self.endpoint()
        endpoint = self.endpoint(location=other.url)
        made = self.make(endpoint)
        for what, status, text in ((500, 500, "answered 500"), ("redirect", 302, "redirects are not followed"),
                                   ("reset", None, ""), (404, 404, "answered 404")):
            endpoint.behave = lambda event, what=what: what
            answer = self.try_it(made)
            self.assertEqual((answer["delivered"], answer["status"]), (False, status), what)
            self.assertIn(text, answer["error"])
        self.assertEqual(other.connections, 0, "a redirect was followed")
        endpoint.behave = lambda event: "big"
        self.assertEqual(self.try_it(made)["status"], 200)
        endpoint.behave = lambda event: "slow"
        answer = self.try_it(made)
        self.assertFalse(answer["delivered"], "an answer that does not end")
        endpoint.stop()
        answer = self.try_it(made)
        self.assertEqual((answer["delivered"], answer["status"]), (False, None))

    def test_two_secrets_sign_while_they_are_rotated(self):
        endpoint = self.endpoint()
        made = self.make(endpoint, paused=True)
        first = self.check_status(self.call("POST", f"/{made['id']}/secret"), 200).json()
        self.assertIsNotNone(first["previous_secret_until"])
        self.try_it(made)
        self.assertTrue(is_signed(endpoint.taken()[-1], made["secret"]))
        self.assertTrue(is_signed(endpoint.taken()[-1], first["secret"]))
        # One more, within the time that the first was promised.
        more = self.check_status(self.call("POST", f"/{made['id']}/secret", {"overlap_s": 60}), 200).json()
        self.assertEqual(more["previous_secret_until"], first["previous_secret_until"])
        self.try_it(made)
        for secret in (made["secret"], first["secret"], more["secret"]):
            self.assertTrue(is_signed(endpoint.taken()[-1], secret))
        second = self.check_status(self.call("POST", f"/{made['id']}/secret", {"overlap_s": 0}), 200).json()
        self.assertIsNone(second["previous_secret_until"])
        self.try_it(made)
        self.assertFalse(is_signed(endpoint.taken()[-1], first["secret"]))
        self.assertTrue(is_signed(endpoint.taken()[-1], second["secret"]))


class DeliveryTest(WebhookCase):
    def test_what_happens_arrives_signed_and_in_order(self):
        endpoint, of_sales = self.endpoint(), self.endpoint()
        made = self.make(endpoint, types=[ORDERS])
        self.make(of_sales, types=["flashsale.sale.created"])
        sale = self.cluster.create_sale()
        orders = [self.order(sale) for _ in range(5)]
        for order in orders:
            self.cancel(order)
        arrived = self.wait_taken(endpoint, [f"{order_id}/{n}" for order_id, _ in orders for n in (1, 2)])
        for order_id, _ in orders:
            self.assertLess(arrived.index(f"{order_id}/1"), arrived.index(f"{order_id}/2"))
        for delivery in endpoint.taken():
            self.assertTrue(is_signed(delivery, made["secret"]))
            self.assertRegex(delivery.event["type"], r"^flashsale\.order\.")
        self.wait_taken(of_sales, [f"{sale}/1"])
        self.assertEqual({event["type"] for event in of_sales.events()}, {"flashsale.sale.created"})
        self.assertEqual(endpoint.connections, 1, "a connection is used again")
        told = harness.wait_until(lambda: self.deliveries(made, 10), LAG_S, "deliveries are not noted")
        self.assertEqual({(one["attempt"], one["status"], one["error"]) for one in told}, {(1, 200, None)})
        self.assertEqual({one["event_id"] for one in told}, set(arrived))

    def deliveries(self, made, count):
        listed = self.check_status(self.call("GET", f"/{made['id']}/deliveries"), 200).json()["deliveries"]
        return listed if len(listed) >= count else None

    def test_later_events_of_an_order_wait_and_other_orders_go_on(self):
        failed = []

        def fail_once(event):
            if failed or event["type"] != "flashsale.order.confirmed":
                return 200
            failed.append(event["id"])
            return 500
        endpoint = self.endpoint(fail_once)
        made = self.make(endpoint, types=[ORDERS])
        first = self.order()
        harness.wait_until(lambda: failed, LAG_S, "nothing was tried")
        self.cancel(first)
        other = self.order()
        self.wait_taken(endpoint, [f"{other[0]}/1"])
        self.assertEqual(failed, [f"{first[0]}/1"])
        self.assertNotIn(first[0], [event["subject"] for event in endpoint.events()])
        harness.wait_until(lambda: self.show(made)["parked"] == 2, LAG_S, "both wait")
        harness.wait_until(lambda: self.show(made)["failing_since"] is None, LAG_S, "others have got through")
        [(told,)] = self.cluster.query((harness.ROOT / "src/postgres/sql/events/told_to_all.sql").read_text())
        [(oldest,)] = self.cluster.query("SELECT min(position) FROM webhook_retries")
        self.assertLess(told, oldest, "what waits has to be kept")
        arrived = self.wait_taken(endpoint, [f"{first[0]}/1", f"{first[0]}/2"], 30)
        self.assertLess(arrived.index(f"{first[0]}/1"), arrived.index(f"{first[0]}/2"))
        harness.wait_until(lambda: self.show(made)["parked"] == 0, LAG_S, "nothing waits any more")
        attempts = [(one["event_id"], one["attempt"], one["status"])
                    for one in harness.wait_until(lambda: self.deliveries(made, 4), LAG_S, "deliveries")]
        self.assertIn((f"{first[0]}/1", 1, 500), attempts)
        self.assertIn((f"{first[0]}/1", 2, 200), attempts)
        self.assertEqual(len(arrived), len(set(arrived)))

    def test_one_that_hangs_delays_nobody_and_misses_nothing(self):
        hanging, good = self.endpoint(lambda event: "hang"), self.endpoint()
        made = self.make(hanging, types=[ORDERS])
        self.make(good, types=[ORDERS])
        orders = [self.order() for _ in range(10)]
        ids = [f"{order_id}/1" for order_id, _ in orders]
        harness.wait_until(lambda: hanging.deliveries, LAG_S, "nothing was tried")
        self.wait_taken(good, ids)
        self.assertEqual(hanging.events(), [])
        hanging.behave = lambda event: 200
        self.wait_taken(hanging, ids, 60)
        harness.wait_until(lambda: self.show(made)["parked"] == 0, LAG_S, "nothing waits any more")

    def test_an_outage_ends_with_the_first_success(self):
        endpoint = self.endpoint(lambda event: 503)
        made = self.make(endpoint, types=[ORDERS])
        orders = [self.order() for _ in range(20)]
        harness.wait_until(lambda: len(endpoint.deliveries) >= 5, LAG_S, "attempts")
        harness.wait_until(lambda: self.show(made)["failing_since"], LAG_S, "it is said to fail")
        for order in orders:
            self.cancel(order)
        endpoint.behave = lambda event: 200
        arrived = self.wait_taken(endpoint, [f"{order_id}/{n}" for order_id, _ in orders for n in (1, 2)], 30)
        self.assertLess(len(endpoint.deliveries) - len(arrived), 20, "one that is down is left alone")
        for order_id, _ in orders:
            self.assertLess(arrived.index(f"{order_id}/1"), arrived.index(f"{order_id}/2"))
        self.assertIsNone(self.show(made)["failing_since"])

    def test_an_outage_is_known_after_a_restart(self):
        endpoint = self.endpoint(lambda event: 503)
        made = self.make(endpoint, types=[ORDERS])
        orders = [self.order() for _ in range(10)]
        harness.wait_until(lambda: len(endpoint.deliveries) >= 5, LAG_S, "attempts")
        harness.wait_until(lambda: self.show(made)["parked"] >= 5, LAG_S, "nothing is parked")
        self.cluster.instances[0].kill()
        self.cluster.query("UPDATE webhook_retries SET next_at = now() + interval '1 day'")
        endpoint.behave = lambda event: 200
        self.cluster.instances[0].start()
        self.wait_taken(endpoint, [f"{order_id}/1" for order_id, _ in orders], 30)

    def test_what_is_parked_waits_until_it_is_forgotten(self):
        endpoint, witness = self.endpoint(lambda event: 500), self.endpoint()
        made = self.make(endpoint, types=[ORDERS])
        self.make(witness, types=[ORDERS])
        order = self.order()
        self.wait_taken(witness, [f"{order[0]}/1"])
        harness.wait_until(lambda: self.show(made)["parked"] == 1, LAG_S, "nothing is parked")

        def lag():
            sinks = self.check_status(self.cluster.admin("GET", "/admin/v1/events/sinks"), 200).json()["sinks"]
            return next((sink["lag"] for sink in sinks if sink["name"] == f"webhook:{made['id']}"), None)
        harness.wait_until(lambda: lag() == 1, LAG_S, "what is parked does not count")
        forgotten = self.cluster.flashsaled("events", "forget", "--sink", made["id"])
        self.assertEqual(forgotten.returncode, 0, forgotten.stderr)
        harness.wait_until(lambda: lag() == 0, LAG_S, "it waits still")
        self.assertEqual(self.show(made)["parked"], 0)

    def test_with_too_many_that_have_failed_it_stands_still(self):
        endpoint = self.endpoint()
        made = self.make(endpoint, types=[ORDERS], paused=True)
        self.cluster.query("""INSERT INTO webhook_retries (webhook_id, position, partition_key, failures, next_at)
                              SELECT %s, 1000000000 + n, 'order-' || n, 1, now() + interval '1 day'
                                FROM generate_series(1, 1000) AS n""", (made["id"],))
        self.change(made, paused=False)
        order = self.order()

        def stands_still():
            [(error,)] = self.cluster.query("SELECT last_error FROM event_sinks WHERE name = %s",
                                            (f"webhook:{made['id']}",))
            return "too many events" in error
        harness.wait_until(stands_still, LAG_S, "it goes on")
        self.assertEqual(endpoint.deliveries, [])
        self.change(made, paused=True)
        self.cluster.query("DELETE FROM webhook_retries WHERE webhook_id = %s", (made["id"],))
        # The leader has looked since.
        time.sleep(2 * SLOWNESS)
        self.change(made, paused=False)
        self.wait_taken(endpoint, [f"{order[0]}/1"])

    def test_one_that_says_it_is_gone_is_switched_off(self):
        endpoint, other = self.endpoint(lambda event: 410), self.endpoint()
        self.make(other, types=["flashsale.webhook.disabled"])
        made = self.make(endpoint, types=[ORDERS])
        first = self.order()
        told = harness.wait_until(lambda: [event for event in other.events() if event["subject"] == made["id"]], LAG_S,
                                  "nobody is told")
        self.assertEqual(told[0]["data"], {"webhook_id": made["id"], "url": endpoint.url, "reason": "gone"})
        shown = self.show(made)
        self.assertEqual((shown["enabled"], shown["disabled_reason"]), (False, "gone"))
        self.assertIsNotNone(shown["disabled_at"])
        second = self.order()
        endpoint.behave = lambda event: 200
        self.assertEqual(self.cluster.query("SELECT is_active FROM event_sinks WHERE name = %s",
                                            (f"webhook:{made['id']}",)), [(False,)])
        self.assertEqual(len(endpoint.deliveries), 1)
        self.assertTrue(self.change(made, enabled=True)["enabled"])
        self.wait_taken(endpoint, [f"{first[0]}/1", f"{second[0]}/1"])
        self.assertIs(self.change(made, enabled=False)["enabled"], False)
        self.assertEqual(self.show(made)["disabled_reason"], "by_hand")

    def test_a_pause_keeps_what_happens_for_later(self):
        endpoint, witness = self.endpoint(), self.endpoint()
        made = self.make(endpoint, types=[ORDERS])
        self.make(witness, types=[ORDERS])
        before = self.order()
        self.wait_taken(endpoint, [f"{before[0]}/1"])
        self.change(made, paused=True)
        # The leader has looked since.
        time.sleep(2 * SLOWNESS)
        during = self.order()
        self.wait_taken(witness, [f"{during[0]}/1"])
        self.assertEqual([event["id"] for event in endpoint.events()], [f"{before[0]}/1"])
        self.change(made, paused=False)
        self.wait_taken(endpoint, [f"{during[0]}/1"])

    def test_what_comes_to_a_deleted_one_is_kept_for_nobody(self):
        endpoint = self.endpoint()
        made = self.make(endpoint)
        self.wait_taken(endpoint, [f"{self.order()[0]}/1"])
        self.check_status(self.call("DELETE", f"/{made['id']}"), 204)
        # Its series go when the leader has heard of it, and tells it of nothing more.
        harness.wait_until(lambda: not self.series_of(made), 2 * LAG_S, "it is still told of events")
        self.assertEqual([], self.cluster.query("SELECT 1 FROM event_sinks WHERE name = %s",
                                                (f"webhook:{made['id']}",)))
        count = len(endpoint.deliveries)
        self.order()
        witness = self.endpoint()
        self.make(witness)
        self.wait_taken(witness, [f"{self.order()[0]}/1"])
        self.assertEqual(len(endpoint.deliveries), count)

    def series_of(self, made):
        """Names of the metrics that tell of it, of all instances."""
        texts = [instance.admin("GET", "/metrics").body.decode() for instance in self.cluster.instances]
        return {line.partition("{")[0] for text in texts for line in text.splitlines()
                if f'sink="webhook:{made["id"]}"' in line}

    def test_metrics_of_a_deleted_one_go_with_it(self):
        made = self.make(self.endpoint())
        self.order()
        harness.wait_until(lambda: {"flashsale_events_sink_lag", "flashsale_events_sink_oldest_age_seconds",
                                    "flashsale_events_delivered_total", "flashsale_events_delivery_seconds_count"} <=
                           self.series_of(made), LAG_S, "no metrics tell of it")
        self.check_status(self.call("DELETE", f"/{made['id']}"), 204)
        harness.wait_until(lambda: not self.series_of(made), 2 * LAG_S, "metrics stay")

    def test_nothing_stays_behind_of_a_deleted_one(self):
        endpoint = self.endpoint(lambda event: 500)
        made = self.make(endpoint)
        for number in range(3):
            self.order()
        harness.wait_until(lambda: self.show(made)["parked"], LAG_S, "nothing is parked")
        self.check_status(self.call("DELETE", f"/{made['id']}"), 204)
        # As a process that has not heard of it yet does.
        sql = harness.ROOT / "src/postgres/sql/webhooks"
        for name, values in (("retries_insert", ("{1}", "{a}", "{1}", "{1}")),
                             ("deliveries_insert", ("{2026-01-01}", "{a}", "{1}", "{1}", "{500}", "{x}", "{1}"))):
            text = (sql / f"{name}.sql").read_text()
            for number, value in enumerate((made["id"], *values), 1):
                text = text.replace(f"${number}", f"'{value}'")
            self.cluster.query(text)
        for table in ("webhook_retries", "webhook_deliveries"):
            self.assertEqual([], self.cluster.query(f"SELECT 1 FROM {table} WHERE webhook_id = %s", (made["id"],)))


class DeadTest(WebhookCase):
    settings = WebhookCase.settings | {"events.webhooks.disable_after_s": 3}

    def test_one_that_takes_nothing_for_long_is_switched_off(self):
        endpoint, other = self.endpoint(lambda event: 500), self.endpoint()
        self.make(other, types=["flashsale.webhook.*"])
        made = self.make(endpoint, types=[ORDERS])
        order = self.order()
        told = harness.wait_until(other.events, 30, "nobody is told")
        self.assertEqual(told[0]["data"], {"webhook_id": made["id"], "url": endpoint.url, "reason": "dead"})
        self.assertEqual(self.show(made)["disabled_reason"], "dead")
        endpoint.behave = lambda event: 200
        self.change(made, enabled=True)
        self.wait_taken(endpoint, [f"{order[0]}/1"])


    def test_a_pause_is_no_failure(self):
        endpoint = self.endpoint(lambda event: 500)
        made = self.make(endpoint, types=[ORDERS])
        self.order()
        harness.wait_until(lambda: self.show(made)["failing_since"], LAG_S, "it does not fail")
        self.change(made, paused=True)
        # The leader has looked since.
        time.sleep(2 * SLOWNESS)
        self.cluster.query("UPDATE webhooks SET failing_since = now() - interval '1 day' WHERE webhook_id = %s",
                           (made["id"],))
        self.cluster.query("UPDATE webhook_retries SET next_at = now() WHERE webhook_id = %s", (made["id"],))
        self.assertIsNone(self.change(made, paused=False)["failing_since"])
        harness.wait_until(lambda: self.show(made)["failing_since"], 30, "it was not tried")
        self.assertTrue(self.show(made)["enabled"])


class RefusedAddressTest(WebhookCase):
    settings = {"events.webhooks.allow_http": True}

    def test_nothing_is_sent_into_the_shops_own_network(self):
        endpoint = self.endpoint()
        for url in (endpoint.url, f"http://localhost:{endpoint.port}/", f"http://[::ffff:127.0.0.1]:{endpoint.port}/",
                    "http://169.254.169.254/latest/meta-data/", f"http://2130706433:{endpoint.port}/"):
            self.check_status(self.call("POST", "", {"url": url}), 400, "malformed-request")
        made = self.make("http://shop.example/", types=[ORDERS])
        # As if the name's address were another by now.
        self.cluster.query("UPDATE webhooks SET url = %s WHERE webhook_id = %s",
                           (f"http://localhost:{endpoint.port}/", made["id"]))
        answer = self.try_it(made)
        self.assertFalse(answer["delivered"])
        self.assertIn("private", answer["error"])
        self.order()
        harness.wait_until(lambda: self.show(made)["parked"], LAG_S, "nothing was tried")
        self.assertEqual(endpoint.connections, 0)


class TlsTest(WebhookCase):
    @classmethod
    def setUpClass(cls):
        directory = harness.run_directory()
        cls.files = [str(directory / name) for name in ("endpoint.pem", "endpoint.key")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-out", cls.files[0],
                        "-keyout", cls.files[1], "-subj", "/CN=endpoint", "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, capture_output=True)
        super().setUpClass()
        cls.cluster.add_instance({"events.webhooks.ca_file": cls.files[0]})

    def test_a_certificate_is_looked_at(self):
        endpoint = self.endpoint(tls=self.files)
        made = self.make(endpoint)
        self.assertTrue(endpoint.url.startswith("https:"))
        strict = self.check_status(self.call("POST", f"/{made['id']}/test"), 200).json()
        self.assertEqual((strict["delivered"], strict["status"]), (False, None))
        trusting = self.check_status(self.call("POST", f"/{made['id']}/test", where=1), 200).json()
        self.assertEqual((trusting["delivered"], trusting["status"]), (True, 200))


class KilledTest(WebhookCase):
    instances = 2

    def test_nothing_is_lost_when_the_process_that_delivers_dies(self):
        turns = []

        def now_and_then(event):
            turns.append(event["id"])
            return 500 if len(turns) % 7 == 3 and turns.count(event["id"]) == 1 else 200
        endpoint = self.endpoint(now_and_then)
        made = self.make(endpoint, types=[ORDERS])
        harness.wait_until(lambda: self.leader(made) is not None, LAG_S, "nobody leads")
        first = self.leader(made)
        other = 1 - first
        customers = [self.cluster.new_customer() for _ in range(40)]
        orders = []
        for number, customer in enumerate(customers):
            if number == 20:
                self.cluster.instances[first].kill()
            response = self.check_status(self.cluster.buy(self.sale, customer, where=other), 201)
            orders.append(response.json()["id"])
            if number % 2:
                self.check_status(self.cluster.cancel(orders[-1], customer, where=other), 200)
        expected = {f"{order}/1" for order in orders} | {f"{order}/2" for order in orders[1::2]}
        self.wait_taken(endpoint, expected, 60)
        self.assertEqual({event["id"] for event in endpoint.events()}, expected)
        by_order = {}
        for event in endpoint.events():
            by_order.setdefault(event["subject"], []).append(event["id"])
        for order, ids in by_order.items():
            firsts = sorted(set(ids), key=ids.index)
            self.assertEqual(firsts, sorted(firsts), order)


class DeadlyEndpoint(EventEndpoint):
    """Kills whoever delivers to it, once a turn, while an event is there that it has not answered. Some events it
    refuses when they come first. Until the next turn begins it answers nobody."""

    WAIT_S = 4  # less than a delivery has

    def __init__(self, chance):
        super().__init__(self.answer_to)
        self.chance = chance
        self.victim = None
        self.seen = set()
        self.met = []  # events that were there at the deaths, and what they were answered
        self.left = 0  # deliveries until the next death
        self.goes_on = threading.Event()
        self.has_killed = threading.Event()

    def begin_turn(self, victim, deliveries):
        self.victim, self.left = victim, deliveries
        self.has_killed.clear()
        self.goes_on.set()

    def end_turns(self):
        self.begin_turn(None, 0)

    def answer_to(self, event):
        self.goes_on.wait(self.WAIT_S)
        is_new = event["id"] not in self.seen
        self.seen.add(event["id"])
        self.left -= 1
        if self.victim is not None and self.left == 0 and self.goes_on.is_set():
            self.goes_on.clear()
            self.victim.kill()
            # A 2xx that nobody reads is none.
            self.met.append((event["id"], self.chance.choice((200, "reset"))))
            self.has_killed.set()
            return self.met[-1][1]
        return 500 if is_new and self.chance.random() < 0.02 else 200


class KilledInDeliveryTest(WebhookCase):
    """SIGKILL of whoever delivers, again and again, each time while the endpoint has an event in hand."""

    instances = 2
    KILLS = 4
    ORDERS = 25  # of a sale; each leaves two events. Sales follow one another, so that positions move

    def test_all_arrives_in_order_and_no_position_runs_ahead(self):
        seed = time.time_ns()
        with self.subTest(seed=seed):
            self.play(random.Random(seed))

    def play(self, chance):
        endpoint = DeadlyEndpoint(chance)
        self.addCleanup(endpoint.stop)
        sales = [self.cluster.sale_no(self.cluster.create_sale(stock=self.ORDERS)) for _ in range(5 * self.KILLS)]
        made = self.make(endpoint)
        harness.wait_until(lambda: self.leader(made) is not None, LAG_S, "nobody delivers")
        victim = self.leader(made)
        begin, _ = self.stands(made)
        stood = []
        for _ in range(self.KILLS):
            endpoint.begin_turn(self.cluster.instances[victim], chance.randrange(10, 200))
            harness.wait_until(lambda: self.has_killed(made, endpoint, begin, sales), 60, "nobody was killed", 0.01)
            self.is_behind(made, endpoint, begin)
            stood.append(self.stands(made)[0])
            self.cluster.instances[victim].start()
            victim = 1 - victim
        endpoint.end_turns()
        last = self.wait_all_told(made, endpoint, begin)
        self.assertTrue(begin < stood[-1] < last, (begin, stood, last))
        self.check_arrived(made, endpoint, range(begin + 1, last + 1))

    def has_killed(self, made, endpoint, begin, sales):
        """Each sale's events follow when those before it are told, so that one batch does not have them all."""
        self.is_behind(made, endpoint, begin)
        if self.stands(made)[0] == self.last_position():
            sale_no = sales.pop()
            make_backlog(self.cluster, sale_no, self.ORDERS)
            cancel_backlog(self.cluster, sale_no)
        return endpoint.has_killed.is_set()

    def last_position(self):
        """None: some events have none yet."""
        [(last, unnumbered)] = self.cluster.query(
            "SELECT last_position, (SELECT count(*) FROM outbox WHERE position IS NULL) FROM event_line")
        return last if unnumbered == 0 else None

    def stands(self, made):
        """Up to where PostgreSQL says that it was told, and what of that waits for another try, at one moment."""
        [(position, parked)] = self.cluster.query(
            "SELECT position, ARRAY(SELECT retry.position FROM webhook_retries AS retry WHERE webhook_id = %s)"
            "  FROM event_sinks WHERE name = %s", (made["id"], f"webhook:{made['id']}"))
        return position, set(parked)

    def is_behind(self, made, endpoint, begin):
        """Whatever PostgreSQL says was told had been answered with 2xx before, but for what is to be tried again."""
        position, parked = self.stands(made)
        answered = {int(event["sequence"]) for event in endpoint.events()}
        self.assertEqual(set(range(begin + 1, position + 1)) - parked - answered, set(), "told, and not answered")
        return True

    def wait_all_told(self, made, endpoint, begin):
        def all_told():
            self.is_behind(made, endpoint, begin)
            last = self.last_position()
            return last if last is not None and self.stands(made) == (last, set()) else None
        return harness.wait_until(all_told, 90, "not all is told", 0.05)

    def check_arrived(self, made, endpoint, positions):
        self.assertEqual({int(event["sequence"]) for event in endpoint.events()} & set(positions), set(positions))
        answered, contents = set(), {}
        for delivery in list(endpoint.deliveries):
            self.assertTrue(is_signed(delivery, made["secret"]))
            event = delivery.event
            self.assertEqual(contents.setdefault(event["id"], event), event, "it comes again as another")
            order, _, change = event["id"].rpartition("/")
            # A change is not even tried before the one before it was taken.
            is_later = event["type"].startswith("flashsale.order.") and int(change) > 1
            self.assertTrue(not is_later or f"{order}/{int(change) - 1}" in answered, event["id"])
            if (delivery.status or 0) // 100 == 2:
                answered.add(event["id"])
        orders = self.cluster.query("SELECT order_id::text FROM orders WHERE customer_id LIKE 'backlog-%'")
        self.assertEqual({f"{order}/{change}" for (order,) in orders for change in (1, 2)} - answered, set())
        self.assertEqual(len(endpoint.met), self.KILLS)
        times = [delivery.event["id"] for delivery in endpoint.deliveries]
        self.assertEqual([event for event, _ in endpoint.met if times.count(event) < 2], [], "they come again")


if __name__ == "__main__":
    unittest.main()
