"""Feature flags at run time: set through one instance, in force on every one; what each of them switches."""

import secrets
import time
import unittest

import harness
from harness import FRESH_MS, SLOWNESS, ClusterCase, item_definition

FEATURES = ("checkout", "queue_joins", "webhooks", "live_stock")


def bucket(feature, customer):
    """The hash as include/flashsale/model/feature_flags.hpp describes it."""
    mask = (1 << 64) - 1
    value = 14695981039346656037
    for byte in feature.encode() + b"\0" + customer.encode():
        value = (value ^ byte) * 1099511628211 & mask
    for factor in (0xff51afd7ed558ccd, 0xc4ceb9fe1a85ec53):
        value = (value ^ value >> 33) * factor & mask
    return (value ^ value >> 33) % 100


class FlagCase(ClusterCase):
    instances = 2

    def put(self, feature, body, where=0, **how):
        return self.cluster.admin("PUT", f"/admin/v1/flags/{feature}", body, where=where, **how)

    def set_flag(self, feature, enabled, where=0, **members):
        """Switched back to its default after the test."""
        self.addCleanup(self.switch_back, feature)
        return self.check_status(self.put(feature, {"enabled": enabled} | members, where), 200).json()

    def set_everywhere(self, feature, enabled, **members):
        """The same, and every instance has it."""
        answer = self.set_flag(feature, enabled, **members)
        self.settle()
        return answer

    def switch_back(self, feature):
        self.check_status(self.put(feature, {"enabled": True}), 200)
        self.settle()

    def settle(self):
        """A change that was answered is in force on every instance after this."""
        time.sleep(FRESH_MS / 1000 * SLOWNESS)

    def flags(self, where=0):
        response = self.check_status(self.cluster.admin("GET", "/admin/v1/flags", where=where), 200)
        return {flag["name"]: flag for flag in response.json()["flags"]}

    def buy_new(self, sale, where=0, **how):
        return self.cluster.buy(sale, self.cluster.new_customer(), where=where, **how)

    def check_switched_off(self, response):
        self.check_status(response, 503, "unavailable")
        self.assertIn("switched off", response.json()["detail"])
        self.assertGreaterEqual(int(response.header("Retry-After")), 1)

    def directory_version(self):
        return self.cluster.query("SELECT version FROM directory")[0][0]


class SettingTest(FlagCase):
    def test_all_known_ones_are_listed(self):
        self.cluster.query("DELETE FROM feature_flags")
        for where in (0, 1):
            response = self.check_status(self.cluster.admin("GET", "/admin/v1/flags", where=where), 200)
            self.assertEqual(response.json(), {"flags": [
                {"name": name, "enabled": True, "percent": 100, "sales": None, "default": True, "changed_at": None}
                for name in FEATURES]})

    def test_what_is_set_is_answered_and_read_on_both(self):
        for turn, feature in enumerate(FEATURES):
            before = time.time()
            answer = self.set_flag(feature, True, where=turn % 2, percent=40, sales=["b", "a", "b"])
            changed_at = answer.pop("changed_at")
            self.assertEqual(answer, {"name": feature, "enabled": True, "percent": 40, "sales": ["a", "b"],
                                      "default": True})
            self.assertAlmostEqual(harness.unix_time(changed_at), before, delta=5 * SLOWNESS)
            for where in (0, 1):
                self.assertEqual(self.flags(where)[feature], answer | {"changed_at": changed_at})
            # Whatever is left out is for everybody.
            answer = self.set_flag(feature, False)
            self.assertEqual((answer["enabled"], answer["percent"], answer["sales"]), (False, 100, None))
            self.assertGreater(answer["changed_at"], changed_at)

    def test_each_change_is_logged(self):
        self.set_flag("webhooks", False)
        self.set_flag("live_stock", True, percent=5, sales=["drop"], where=1)
        entries = self.check_status(self.cluster.admin("GET", "/admin/v1/log?limit=2"), 200).json()["entries"]
        self.assertEqual([(entry["who"], entry["action"], entry["subject"], entry["change"]) for entry in entries], [
            (harness.ADMIN_NAME, "flag.set", "live_stock", {"enabled": True, "percent": 5, "sales": ["drop"]}),
            (harness.ADMIN_NAME, "flag.set", "webhooks", {"enabled": False, "percent": 100})])

    def test_what_is_refused_changes_nothing(self):
        self.set_flag("checkout", True, percent=90)
        before = self.flags(), self.directory_version(), self.cluster.query("SELECT count(*) FROM admin_log")
        good = {"enabled": False, "percent": 50, "sales": ["drop"]}
        bodies = [b"", b"{", b"[]", b"null", b'{"enabled":true}{}', b'{"enabled":true,"enabled":false}', {},
                  {"percent": 50}, good | {"enabled": 1}, good | {"enabled": "true"}, good | {"enabled": None},
                  good | {"percent": -1}, good | {"percent": 101}, good | {"percent": 50.5}, good | {"percent": "50"},
                  good | {"percent": None}, good | {"sales": []}, good | {"sales": "drop"}, good | {"sales": [7]},
                  good | {"sales": ["a b"]}, good | {"sales": [""]}, good | {"sales": ["é"]},
                  good | {"sales": [f"s{number}" for number in range(1001)]}, good | {"name": "checkout"},
                  good | {"until": "2027-01-01T00:00:00Z"}]
        for body in bodies:
            with self.subTest(str(body)[:80]):
                response = self.put("checkout", body, headers={"Content-Type": "application/json"})
                self.check_status(response, 400, "malformed-request")
        self.check_status(self.put("checkout", b'{"enabled":false}', headers={"Content-Type": "text/plain"}), 415,
                          "unsupported-media-type")
        for name in ("none_such", "Checkout", "checkout%20"):
            self.assertEqual(self.put(name, good).problem, "unknown-flag", name)
        self.check_status(self.put("none_such", b"{"), 404, "unknown-flag")
        for method, path in (("GET", "/admin/v1/flags"), ("PUT", "/admin/v1/flags/checkout")):
            for token in (False, "wrong", self.cluster.token("a")):
                self.check_status(self.cluster.admin(method, path, good if method == "PUT" else None, token=token),
                                  401, "unauthorized")
        self.assertEqual((self.flags(), self.directory_version(),
                          self.cluster.query("SELECT count(*) FROM admin_log")), before)

    def test_a_thousand_sales(self):
        sales = sorted(f"sale-{number}" for number in range(1000))
        self.assertEqual(self.set_flag("checkout", False, sales=sales)["sales"], sales)
        self.assertEqual(self.flags(1)["checkout"]["sales"], sales)


class CheckoutTest(FlagCase):
    def test_the_switch_is_in_force_everywhere_within_the_bound(self):
        sale = self.cluster.create_sale(stock=100_000)
        for turn in range(6):
            enabled = turn % 2 == 1
            self.set_flag("checkout", enabled, where=turn // 2 % 2)
            changed_at = time.time()
            for where in (0, 1):
                def probe(where=where):
                    response = self.buy_new(sale, where)
                    self.assertIn(response.status, (201, 202, 503), repr(response))
                    return response.sent_at, (response.status != 503) == enabled
                self.check_fresh(probe, changed_at, f"instance {where}: enabled {enabled}")
                # It stays so.
                for _ in range(3):
                    response = self.buy_new(sale, where)
                    if enabled:
                        self.check_status(response, 201)
                    else:
                        self.check_switched_off(response)
        self.cluster.wait_consistent(sale)

    def test_it_touches_no_stock(self):
        sale = self.cluster.create_sale(stock=20)
        self.set_everywhere("checkout", False)
        for number in range(30):
            self.check_switched_off(self.buy_new(sale, number % 2, headers={"Prefer": "respond-async"}))
        self.assertEqual(self.cluster.wait_consistent(sale)["items"][0]["remaining"], 20)
        self.assertEqual(self.cluster.query("SELECT count(*) FROM order_units WHERE sale_id = %s", (sale,))[0][0], 0)
        self.assertEqual(self.cluster.item(sale)["remaining"], 20)

    def test_nothing_is_said_about_a_key(self):
        sale = self.cluster.create_sale(stock=20)
        customer, key, other = self.cluster.new_customer(), secrets.token_hex(8), secrets.token_hex(8)
        order = self.check_status(self.cluster.buy(sale, customer, key), 201).json()
        self.set_everywhere("checkout", False)
        for where in (0, 1):
            self.check_switched_off(self.cluster.buy(sale, customer, key, where=where))
            self.check_switched_off(self.cluster.buy(sale, customer, key, quantity=2, where=where))
            self.check_switched_off(self.cluster.buy(sale, customer, other, where=where))
            # What stands can be read and given back.
            self.assertEqual(self.check_status(self.cluster.order(order["id"], customer, where), 200).json(), order)
        self.set_everywhere("checkout", True)
        for where in (0, 1):
            replay = self.check_status(self.cluster.buy(sale, customer, key, where=where), 200)
            self.assertEqual(replay.header("Idempotency-Replayed"), "true")
            self.assertEqual(replay.json(), order)
            self.check_status(self.cluster.buy(sale, customer, key, quantity=2, where=where), 422,
                              "idempotency-key-reused")
        self.check_status(self.cluster.buy(sale, customer, other), 201)
        self.cluster.wait_consistent(sale)

    def test_units_come_back_while_it_is_off(self):
        sale = self.cluster.create_sale(stock=2)
        customer = self.cluster.new_customer()
        order = self.check_status(self.cluster.buy(sale, customer, quantity=2), 201).json()
        self.set_everywhere("checkout", False)
        self.check_status(self.cluster.cancel(order["id"], customer), 200)
        self.assertEqual(self.cluster.wait_consistent(sale)["items"][0]["remaining"], 2)

    def test_who_asks_comes_first(self):
        sale = self.cluster.create_sale(stock=20)
        self.set_everywhere("checkout", False)
        self.check_status(self.buy_new(sale, headers={"Authorization": None}), 401, "unauthorized")
        self.check_status(self.buy_new("no-such-sale"), 404, "unknown-sale")

    def test_single_sales(self):
        off, on = self.cluster.create_sale(stock=50), self.cluster.create_sale(stock=50)
        self.set_everywhere("checkout", False, sales=[off, "to-be-created-later"])
        for where in (0, 1):
            self.check_switched_off(self.buy_new(off, where))
            self.check_status(self.buy_new(on, where), 201)
        later = self.cluster.create_sale(id="to-be-created-later")
        for where in (0, 1):
            self.check_switched_off(self.buy_new(later, where))


class RolloutTest(FlagCase):
    def admitted(self, sale, customers, where):
        """Which of them can check out."""
        found = set()
        for customer in customers:
            response = self.cluster.buy(sale, customer, "the-only-key", where=where)
            if response.status in (200, 201, 202):
                found.add(customer)
            else:
                self.check_switched_off(response)
        return found

    def test_the_same_customers_on_every_instance_and_after_a_restart(self):
        sale = self.cluster.create_sale(stock=100_000)
        customers = [self.cluster.new_customer() for _ in range(150)]
        before = set()
        for percent in (0, 20, 60):
            self.set_everywhere("checkout", True, percent=percent)
            wanted = {customer for customer in customers if bucket("checkout", customer) < percent}
            for where in (0, 1):
                self.assertEqual(self.admitted(sale, customers, where), wanted, f"instance {where}, {percent} %")
            self.assertLessEqual(before, wanted, "who was in at a smaller percentage is in at a greater one")
            before = wanted
        self.cluster.instances[1].stop()
        self.cluster.instances[1].start()
        self.assertEqual(self.admitted(sale, customers, 1), before)
        self.set_everywhere("checkout", True, percent=100)
        self.assertEqual(self.admitted(sale, customers, 1), set(customers))

    def test_a_started_instance_knows_before_it_serves(self):
        sale = self.cluster.create_sale(stock=20)
        self.set_everywhere("checkout", False)
        self.cluster.instances[1].stop()
        self.cluster.instances[1].start()
        self.check_switched_off(self.buy_new(sale, 1))

    def test_a_percentage_for_single_sales(self):
        part, whole = self.cluster.create_sale(stock=1000), self.cluster.create_sale(stock=1000)
        customers = [self.cluster.new_customer() for _ in range(40)]
        self.set_everywhere("checkout", True, percent=50, sales=[part])
        wanted = {customer for customer in customers if bucket("checkout", customer) < 50}
        for where in (0, 1):
            self.assertEqual(self.admitted(part, customers, where), wanted)
            self.assertEqual(self.admitted(whole, customers, where), set(customers))


class LiveStockTest(FlagCase):
    def items(self, sale, where):
        """As the sale's own document shows them, and as the list does."""
        listed = self.check_status(self.cluster.client(where).get("/v1/sales?limit=1000"), 200).json()["sales"]
        return (self.cluster.sale(sale, where)["items"],
                next(one["items"] for one in listed if one["id"] == sale))

    def check_shown(self, sale, with_counts):
        for where in (0, 1):
            for items in self.items(sale, where):
                self.assertEqual([item["availability"] for item in items], ["available", "sold_out"])
                self.assertEqual(["remaining" in item for item in items], [with_counts] * 2)

    def test_counts_are_left_out_and_availability_stays(self):
        sale = self.cluster.create_sale(items=[item_definition("sneaker-42", 5), item_definition("gone", 0)])
        self.settle()
        self.check_shown(sale, True)
        tag = self.cluster.client().get(f"/v1/sales/{sale}").header("ETag")
        self.set_flag("live_stock", False, where=1)
        changed_at = time.time()
        for where in (0, 1):
            def probe(where=where):
                response = self.cluster.client(where).get(f"/v1/sales/{sale}", {"If-None-Match": tag})
                return response.sent_at, response.status == 200 and "remaining" not in response.json()["items"][0]
            self.check_fresh(probe, changed_at, f"instance {where}: counts are left out")
        self.check_shown(sale, False)
        # The merchant still sees them.
        read = self.check_status(self.cluster.admin("GET", f"/admin/v1/sales/{sale}"), 200).json()
        self.assertEqual([item["remaining"] for item in read["items"]], [5, 0])
        self.set_everywhere("live_stock", True)
        self.check_shown(sale, True)

    def test_single_sales_and_percentages(self):
        hidden = self.cluster.create_sale(items=[item_definition("a", 5), item_definition("b", 0)])
        shown = self.cluster.create_sale(items=[item_definition("a", 5), item_definition("b", 0)])
        self.set_everywhere("live_stock", False, sales=[hidden])
        self.check_shown(hidden, False)
        self.check_shown(shown, True)
        # The catalog knows no customer: a part of them is the default.
        self.set_everywhere("live_stock", True, percent=1)
        self.check_shown(hidden, True)
        self.set_everywhere("live_stock", True, percent=0)
        self.check_shown(hidden, False)

    def test_it_reaches_everybody_without_redis(self):
        sale = self.cluster.create_sale(items=[item_definition("a", 5), item_definition("b", 0)])
        self.settle()
        self.check_shown(sale, True)
        self.cluster.redis.kill()
        try:
            self.check_status(self.put("live_stock", {"enabled": False}), 200)
            for where in (0, 1):
                harness.wait_until(lambda where=where: "remaining" not in self.items(sale, where)[0][0], 2,
                                   f"instance {where} has not heard of it")
        finally:
            self.cluster.redis.start()
        harness.wait_until(lambda: self.cluster.client().get("/readyz").status == 200, 10, "Redis is back")
        self.switch_back("live_stock")


class PostgresAwayTest(FlagCase):
    own_postgres = True

    def test_what_was_known_stays(self):
        off, on = self.cluster.create_sale(stock=1000), self.cluster.create_sale(stock=1000)
        self.set_everywhere("checkout", False, sales=[off])
        asynchronous = {"Prefer": "respond-async"}
        self.cluster.postgres.pause()
        try:
            until = time.time() + 3 * SLOWNESS
            while time.time() < until:
                for where in (0, 1):
                    self.check_switched_off(self.buy_new(off, where))
                    self.check_status(self.buy_new(on, where, headers=asynchronous), 202)
                time.sleep(0.2)
        finally:
            self.cluster.postgres.resume()
        self.cluster.wait_consistent(on, timeout_s=20)
        self.cluster.postgres.stop()
        try:
            self.check_status(self.put("checkout", {"enabled": True}), 503, "unavailable")
            self.check_status(self.cluster.admin("GET", "/admin/v1/flags"), 503, "unavailable")
            for where in (0, 1):
                self.check_switched_off(self.buy_new(off, where))
                self.check_status(self.buy_new(on, where, headers=asynchronous), 202)
        finally:
            self.cluster.postgres.start()
        harness.wait_until(lambda: self.put("checkout", {"enabled": True}).status == 200, 10, "PostgreSQL is back")
        self.settle()
        for where in (0, 1):
            harness.wait_until(lambda where=where: self.buy_new(off, where).status == 201, 5,
                               f"instance {where} does not sell again")
        for sale in (off, on):
            self.cluster.wait_consistent(sale, timeout_s=20)


if __name__ == "__main__":
    unittest.main()
