"""Which customer ids there may be, and which of them are the same customer."""

import unicodedata
import unittest
import urllib.parse

import harness
from harness import ClusterCase, item_definition

COMPOSED = "Ren\u00e9@Example.com"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)
SHOUTED = COMPOSED.upper()


class CustomerIdCase(ClusterCase):
    def limited_sale(self):
        return self.cluster.create_sale(items=[item_definition(limit=1)])

    def buy(self, sale, customer, key):
        return self.cluster.buy(sale, customer, key)

    def check_same(self, names):
        sale = self.limited_sale()
        order = self.check_status(self.buy(sale, names[0], "k"), 201).json()
        for name in names:
            self.assertEqual(self.check_status(self.buy(sale, name, "k"), 200).json(), order)
            self.check_status(self.buy(sale, name, "another"), 409, "limit-exceeded")
        return sale, order

    def check_different(self, names):
        sale = self.limited_sale()
        ids = {self.check_status(self.buy(sale, name, "k"), 201).json()["id"] for name in names}
        self.assertEqual(len(ids), len(names))

    def listed(self, name):
        path = "/admin/v1/orders?customer_id=" + urllib.parse.quote(name)
        return [order["id"] for order in self.check_status(self.cluster.admin("GET", path), 200).json()["orders"]]

    def erase(self, name):
        path = f"/admin/v1/customers/{urllib.parse.quote(name, safe='')}/erase"
        return self.check_status(self.cluster.admin("POST", path), 200).json()["orders"]


class BytesTest(CustomerIdCase):
    def test_every_text_is_a_customer_of_its_own(self):
        self.check_different([COMPOSED, DECOMPOSED, SHOUTED, COMPOSED + " "])

    def test_a_sub_has_up_to_255_characters(self):
        for customer in ("s" * 255, "\u00fc" * 255):
            sale = self.cluster.create_sale(stock=10)
            order = self.check_status(self.buy(sale, customer, "k"), 201).json()
            self.assertEqual(self.check_status(self.buy(sale, customer, "k"), 200).json(), order)
            self.assertEqual(self.listed(customer), [order["id"]])
            mine = self.cluster.client().get("/v1/orders", self.cluster.bearer(customer))
            self.assertEqual([one["id"] for one in self.check_status(mine, 200).json()["orders"]], [order["id"]])
            self.check_status(self.cluster.cancel(order["id"], customer), 200)
            self.check_status(self.buy(sale, customer + "x", "k"), 401, "unauthorized")
            self.assertEqual(self.erase(customer), 1)
            self.cluster.wait_consistent(sale)


class ComposedTest(CustomerIdCase):
    settings = {"auth.customer_id_form": "nfc"}

    def test_composed_and_decomposed_are_one(self):
        self.check_same([COMPOSED, DECOMPOSED])
        self.check_different([COMPOSED, SHOUTED])


class FoldedTest(CustomerIdCase):
    settings = {"auth.customer_id_form": "nfc_casefold"}

    def test_case_makes_no_difference(self):
        _, order = self.check_same([COMPOSED, DECOMPOSED, SHOUTED])
        for name in (COMPOSED, DECOMPOSED, SHOUTED):
            self.assertEqual(self.listed(name), [order["id"]])
            self.assertEqual(self.check_status(self.cluster.order(order["id"], name), 200).json(), order)
        self.assertEqual(self.erase(SHOUTED), 1)
        self.assertEqual(self.listed(COMPOSED), [])

    def test_what_has_no_form_is_nobody(self):
        sale = self.limited_sale()
        for name in ("\u00df" * 128, "a\u0378"):  # too long when it is folded; a character that there is not
            self.check_status(self.buy(sale, name, "k"), 401, "unauthorized")


class GatewayTest(CustomerIdCase):
    settings = {"auth.customer_id_form": "nfc_casefold", "auth.mode": "gateway"}

    def buy(self, sale, customer, key):
        headers = {"Authorization": None, "X-Customer-Id": customer.encode().decode("latin-1")}
        return self.cluster.buy(sale, customer, key, headers=headers)

    def test_the_header_too(self):
        self.check_same([COMPOSED, DECOMPOSED, SHOUTED])
        self.check_status(self.buy(self.limited_sale(), "\u00df" * 128, "k"), 401, "unauthorized")


if __name__ == "__main__":
    unittest.main()
