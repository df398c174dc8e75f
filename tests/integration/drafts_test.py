"""Sales that are drafts: only their merchant knows of them."""

import time
import unittest

import harness
from harness import ClusterCase, sale_definition


class DraftTest(ClusterCase):
    instances = 2

    def draft(self, **members):
        sale = self.cluster.new_sale_id()
        answer = self.cluster.admin("POST", "/admin/v1/sales", sale_definition(sale, **members) | {"state": "draft"})
        self.assertEqual(self.check_status(answer, 201).json()["state"], "draft")
        return sale

    def listed(self, where=0, limit=1000):
        found, cursor = [], ""
        while cursor is not None:
            page = self.check_status(self.cluster.client(where).get(f"/v1/sales?limit={limit}{cursor}"), 200).json()
            found += [sale["id"] for sale in page["sales"]]
            cursor = f"&cursor={page['next_cursor']}" if "next_cursor" in page else None
        return found

    def check_hidden(self, sale):
        customer = self.cluster.new_customer()
        for where in (0, 1):
            self.check_status(self.cluster.client(where).get(f"/v1/sales/{sale}"), 404, "unknown-sale")
            self.check_status(self.cluster.buy(sale, customer, where=where), 404, "unknown-sale")
            self.assertNotIn(sale, self.listed(where))
            orders = self.cluster.client(where).get(f"/v1/orders?sale_id={sale}", self.cluster.bearer(customer))
            self.check_status(orders, 404, "unknown-sale")

    def state(self, sale, where=1):
        return self.check_status(self.cluster.admin("GET", f"/admin/v1/sales/{sale}", where=where), 200).json()["state"]

    def patch(self, sale, body, status=200, problem=None):
        return self.check_status(self.cluster.admin("PATCH", f"/admin/v1/sales/{sale}", body), status, problem)

    def test_it_is_public_once_it_is_scheduled(self):
        sale = self.draft()
        self.check_hidden(sale)
        self.assertEqual(self.state(sale), "draft")
        # It can be changed and given stock meanwhile.
        self.assertEqual(self.patch(sale, {"name": "Renamed"}).json()["state"], "draft")
        self.check_status(self.cluster.admin("POST", f"/admin/v1/sales/{sale}/items/sneaker-42/stock", {"add": 5}), 200)
        self.check_hidden(sale)
        self.cluster.wait_consistent(sale)
        self.patch(sale, {"state": "scheduled"})
        for where in (0, 1):
            def sells(at=where):
                return self.cluster.buy(sale, self.cluster.new_customer(), where=at).status == 201
            harness.wait_until(sells, 5, f"instance {where} does not sell it")
            self.assertEqual(self.cluster.sale(sale, where)["name"], "Renamed")
            self.assertIn(sale, self.listed(where))
        self.patch(sale, {"state": "draft"}, 400, "malformed-request")

    def test_it_opens_by_the_clock_after_that(self):
        now = time.time()
        sale = self.draft(starts_at=now + 3600, ends_at=now + 7200)
        self.assertEqual(self.patch(sale, {"state": "scheduled"}).json()["state"], "scheduled")
        harness.wait_until(lambda: self.cluster.client(1).get(f"/v1/sales/{sale}").status == 200, 5, "it is not public")
        self.check_status(self.cluster.buy(sale, self.cluster.new_customer(), where=1), 409, "sale-not-open")

    def test_pages_of_the_catalog_leave_it_out(self):
        public = [self.draft() if number % 3 else self.cluster.create_sale() for number in range(9)][::3]
        hidden = self.draft()
        for limit in (1, 2, 1000):
            listed = [sale for sale in self.listed(limit=limit)]
            self.assertEqual([sale for sale in listed if sale in public], public)
            self.assertNotIn(hidden, listed)
            self.assertEqual(len(listed), len(set(listed)))
        in_all = [sale["id"] for sale in self.cluster.admin("GET", "/admin/v1/sales?limit=1000").json()["sales"]]
        self.assertIn(hidden, in_all)

    def test_one_that_is_closed_never_was_public(self):
        sale = self.draft()
        self.assertEqual(self.patch(sale, {"state": "closed"}).json()["state"], "closed")
        time.sleep(2 * harness.FRESH_MS / 1000 * harness.SLOWNESS)
        self.check_hidden(sale)
        self.patch(sale, {"state": "scheduled"}, 409, "sale-closed")

    def test_states_that_a_new_sale_cannot_have(self):
        for state in ("open", "paused", "closed", "ended", "", None, 1):
            definition = sale_definition("s") | {"state": state}
            self.check_status(self.cluster.admin("POST", "/admin/v1/sales", definition), 400, "malformed-request")
        created = self.cluster.admin("POST", "/admin/v1/sales",
                                     sale_definition(self.cluster.new_sale_id()) | {"state": "scheduled"})
        self.assertEqual(self.check_status(created, 201).json()["state"], "open")

    def test_a_restarted_instance_hides_it_too(self):
        sale = self.draft()
        instance = self.cluster.instances[1]
        instance.kill()
        instance.start()
        self.check_hidden(sale)


if __name__ == "__main__":
    unittest.main()
