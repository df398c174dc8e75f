"""What a tab of the shop page keeps, of whom and for how long, in a real browser: a page that is loaded again finds out
what became of an order, buys nothing that was refused, and nothing for somebody else.
"""

import contextlib
import json
import time
import unittest

from harness import ClusterCase, browser, item_definition, payment_provider, wait_until

# The answers that a test has planned come in place of the server's, in their order: {method, path, isSent, status,
# body, retryAfter}. Without a status the answer is lost. And the timers that wait are known: {id: ms}.
PLANS = """
const fetchReally = window.fetch;
window.fetch = async (url, options = {}) => {
  const plans = JSON.parse(sessionStorage.getItem("plans") || "[]");
  const at = plans.findIndex((plan) => plan.method === (options.method || "GET") && String(url).includes(plan.path));
  if (at < 0) return fetchReally(url, options);
  const [plan] = plans.splice(at, 1);
  sessionStorage.setItem("plans", JSON.stringify(plans));
  if (plan.isSent) await fetchReally(url, options);
  if (!plan.status) throw new TypeError("the answer is lost");
  const headers = plan.retryAfter ? {"Retry-After": plan.retryAfter} : {};
  return new Response(JSON.stringify(plan.body), {status: plan.status, headers});
};
window.timers = {};
const [setReally, clearReally] = [window.setTimeout, window.clearTimeout];
window.setTimeout = (act, ms, ...rest) => {
  const id = setReally(() => {
    delete window.timers[id];
    act(...rest);
  }, ms);
  window.timers[id] = ms;
  return id;
};
window.clearTimeout = (id) => {
  delete window.timers[id];
  clearReally(id);
};
"""


def problem(method, path, status, name, **more):
    """A plan."""
    return {"method": method, "path": path, "status": status, "body": {"type": f"/problems/{name}"}} | more


@unittest.skipUnless(browser.has_browser(), "needs chromium, chromium-driver and python3-selenium")
class TabCase(ClusterCase):
    """One browser; buyers come with tokens of the shop's own site."""

    settings = {"shop.enabled": True, "rate_limit.enabled": False,
                "payments.webhook_secrets": payment_provider.make_secret()}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.page = browser.Browser()
        cls.addClassCleanup(cls.page.close)
        cls.page.run_before_pages(PLANS)

    def setUp(self):
        self.page.open(self.address("/shop.css"))
        self.page.run("sessionStorage.clear()")
        self.page.console()
        self.customer = self.cluster.new_customer()

    def address(self, path):
        return f"http://127.0.0.1:{self.cluster.instances[0].port}{path}"

    def new_sale(self, **members):
        return self.cluster.create_sale(**({"items": [
            item_definition("hoodie", 250, limit=1, amount=6_500, name="Tour hoodie, M")]} | members))

    def come(self, sale, customer=None, query="", **claims):
        """From the shop's own site."""
        self.page.open(self.address("/shop.css"))
        return self.arrive(sale, customer, query, **claims)

    def arrive(self, sale, customer=None, query="", **claims):
        token = self.cluster.token(customer or self.customer, **claims)
        self.page.open(self.address(f"/shop/{sale}{query}#token={token}"))
        self.page.wait_for_text("Live" if not query else "En direct", "#live")
        return self.page

    def plan(self, *plans):
        self.page.run("sessionStorage.setItem('plans', arguments[0])", json.dumps(plans))

    def buy(self, title):
        self.page.wait(lambda: self.page.find(".buy").is_enabled(), "nobody can buy")
        self.page.find(".buy").click()
        self.title(title)

    def title(self, text):
        self.page.wait_for_text(text, "#order-title")

    def kept(self, sale):
        return json.loads(self.page.run("return sessionStorage.getItem(arguments[0])", f"purchase:{sale}") or "null")

    def orders(self, sale, customer=None):
        """Of the customer, as the API has them."""
        answer = self.cluster.client().get(f"/v1/orders?sale_id={sale}", self.cluster.bearer(customer or self.customer))
        return self.check_status(answer, 200).json()["orders"]

    def has_button(self, name):
        return self.page.find(f"#button-{name}") is not None

    def check_picture(self, name):
        """Narrow and in the dark, too; nothing that keeps people out."""
        self.page.screenshot(name)
        self.page.resize(360, 800)
        self.page.screenshot(f"{name}-narrow")
        self.assertLessEqual(self.page.overflow(), 0)
        self.page.prefer(dark=True)
        if browser.AXE:
            self.assertEqual(self.page.check_accessibility(), [])
        self.page.prefer()
        if browser.AXE:
            self.assertEqual(self.page.check_accessibility(), [])
        self.page.resize(1280)


class OpenPurchaseTest(TabCase):
    def test_a_key_whose_order_may_be_there_is_not_forgotten(self):
        """The first send is taken and its answer lost; the next one is refused before the key is looked at."""
        for status, name in ((429, "rate-limited"), (503, "overloaded"), (503, "unavailable"), (503, "outcome-unknown"),
                             (401, "unauthorized")):
            with self.subTest(name):
                self.customer = self.cluster.new_customer()
                sale = self.new_sale()
                self.come(sale)
                self.plan({"method": "POST", "path": "/orders", "isSent": True},
                          problem("POST", "/orders", status, name))
                self.buy("Not finished yet")
                self.assertFalse(self.has_button("done"), "it can be forgotten")
                key = self.kept(sale)["key"]
                self.page.find("#button-again").click()
                self.page.wait(lambda: self.page.run("return sessionStorage.getItem('plans')") == "[]",
                               "nothing was sent")
                self.title("Not finished yet")
                self.assertFalse(self.has_button("done"), "it can be forgotten")
                self.assertFalse(self.page.find(".buy").is_enabled())
                self.assertEqual(self.kept(sale)["key"], key)
                self.assertNotIn("Nothing was taken", self.page.text("#order-text"))
                self.check_picture(f"shop-open-{name}")
                if name == "unauthorized":
                    self.come(sale)
                else:
                    self.page.driver.refresh()
                self.title("Bought. Thank you!")
                [order] = self.orders(sale)
                self.assertEqual(self.page.text("#receipt dd:last-child"), order["id"])

    def test_who_is_turned_away_tries_again_with_the_same_key(self):
        """Of a first send as well: a proxy, or the browser, may have sent it twice."""
        sale = self.new_sale()
        self.come(sale)
        self.plan(problem("POST", "/orders", 429, "rate-limited", isSent=True))
        self.buy("Not finished yet")
        self.page.find("#button-again").click()
        self.title("Bought. Thank you!")
        self.assertEqual(len(self.orders(sale)), 1)

    def test_what_was_refused_is_not_bought_when_the_page_is_loaded_again(self):
        sale = self.new_sale()
        one = self.check_status(self.cluster.buy(sale, self.customer, sku="hoodie"), 201).json()["id"]
        self.come(sale)
        self.buy("Not bought")
        self.assertIn("as many as one person may buy", self.page.text("#order-text"))
        self.assertIsNone(self.kept(sale))
        self.check_status(self.cluster.cancel(one, self.customer), 200)
        self.page.driver.refresh()
        self.assertIsNotNone(self.page.find("#order[hidden]"), "it buys by itself")
        self.page.wait_for_text("250 left", ".stock")
        self.assertEqual([order["status"] for order in self.orders(sale)], ["cancelled"])
        self.buy("Bought. Thank you!")

    def test_an_order_that_was_rejected_is_not_bought_anew(self):
        sale = self.new_sale()
        self.come(sale)
        order = {"id": "0" * 8, "sku": "hoodie", "quantity": 1, "total": {"amount": 6_500, "currency": "EUR"}}
        self.plan({"method": "POST", "path": "/orders", "status": 202, "body": order | {"status": "pending"}},
                  {"method": "GET", "path": "/v1/orders/", "status": 200, "body": order | {"status": "rejected"}})
        self.buy("Not bought")
        self.assertIsNone(self.kept(sale))
        self.page.driver.refresh()
        self.assertIsNotNone(self.page.find("#order[hidden]"), "it buys by itself")
        self.assertEqual(self.orders(sale), [])

    def test_a_pending_order_that_was_lost_is_sent_again(self):
        sale = self.new_sale()
        self.come(sale)
        order = {"id": "0" * 8, "sku": "hoodie", "quantity": 1, "total": {"amount": 6_500, "currency": "EUR"}}
        self.plan({"method": "POST", "path": "/orders", "status": 202, "body": order | {"status": "pending"}},
                  problem("GET", "/v1/orders/", 404, "unknown-order"))
        self.buy("Bought. Thank you!")
        self.assertEqual(len(self.orders(sale)), 1)


class KnownOrderTest(TabCase):
    def switch_checkouts(self, sale, enabled):
        self.check_status(self.cluster.admin("PUT", "/admin/v1/flags/checkout", {"enabled": enabled}), 200)
        wait_until(lambda: (self.cluster.buy(sale, "somebody", sku="hoodie").status != 503) == enabled, 10,
                   "the flag does nothing")

    def test_what_was_bought_is_shown_though_nothing_can_be_bought(self):
        sale = self.new_sale()
        self.come(sale)
        self.buy("Bought. Thank you!")
        order = self.page.text("#receipt dd:last-child")
        self.addCleanup(self.switch_checkouts, sale, True)
        self.switch_checkouts(sale, False)
        self.page.driver.refresh()
        self.title("Bought. Thank you!")
        self.assertEqual(self.page.text("#receipt dd:last-child"), order)
        self.assertEqual(self.page.console(), [])

    def test_it_asks_no_sooner_than_the_server_says(self):
        sale = self.new_sale(payment="required", payment_window_s=600)
        self.come(sale)
        self.buy("Reserved for you")
        self.plan(problem("GET", "/v1/orders/", 429, "rate-limited", retryAfter="77"))
        self.page.wait(lambda: 77_000 in self.page.run("return Object.values(window.timers)"), "it asks again too soon")
        self.title("Reserved for you")

    def test_a_token_that_has_expired_ends_the_questions_and_not_the_purchase(self):
        sale = self.new_sale(payment="required", payment_window_s=600)
        self.come(sale)
        self.buy("Reserved for you")
        order = self.page.text("#receipt dd:last-child")
        self.come(sale, exp=int(time.time()) - 60)
        self.title("Please sign in again")
        self.assertEqual(self.page.text("#receipt dd:last-child"), order)
        self.assertIsNone(self.page.run("return sessionStorage.getItem('token')"))
        self.assertEqual(self.page.run("return Object.values(window.timers)"), [])
        self.assertFalse(self.has_button("done"), "it can be forgotten")
        self.check_picture("shop-signed-out")
        self.come(sale)
        self.title("Reserved for you")
        self.assertEqual(self.page.text("#receipt dd:last-child"), order)
        self.assertEqual(len(self.orders(sale)), 1)

    def test_who_was_never_signed_in_keeps_nothing(self):
        sale = self.new_sale()
        self.come(sale, exp=int(time.time()) - 60)
        self.buy("Not bought")
        self.assertIn("Please sign in to buy", self.page.text("#order-text"))
        self.assertIsNone(self.kept(sale))
        self.page.find("#button-done").click()
        self.come(sale)
        self.buy("Bought. Thank you!")

    def test_an_order_that_was_final_is_not_bought_anew(self):
        """PostgreSQL was put back to a backup, say."""
        sale = self.new_sale()
        self.come(sale)
        self.buy("Bought. Thank you!")
        self.plan(problem("GET", "/v1/orders/", 404, "unknown-order"))
        self.page.driver.refresh()
        self.title("Order not found")
        self.check_picture("shop-lost")
        self.page.find("#button-done").click()
        self.assertIsNone(self.kept(sale))
        self.assertEqual(len(self.orders(sale)), 1)

    def test_it_says_why_an_order_is_not_cancelled(self):
        sale = self.new_sale()
        self.come(sale)
        self.buy("Bought. Thank you!")
        self.plan(problem("POST", "/cancel", 503, "overloaded"))
        self.page.find("#button-cancel").click()
        self.page.wait_for_text("could not be cancelled just now", "#order-text")
        self.page.wait(lambda: self.page.find("#button-cancel:enabled"), "nobody can try again")
        self.page.find("#button-cancel").click()
        self.title("Cancelled")


class BuyerTest(TabCase):
    """Whose tab it is."""

    def test_a_token_stays_in_no_address(self):
        sale = self.new_sale()
        page = self.come(sale)
        self.assertEqual(page.driver.current_url, self.address(f"/shop/{sale}"))
        page.find('nav a[lang="fr"]').click()
        page.wait_for_text("En direct", "#live")
        self.assertEqual(page.driver.current_url, self.address(f"/shop/{sale}?lang=fr"))
        self.buy("Acheté. Merci")
        self.assertEqual(len(self.orders(sale)), 1)
        self.come(sale, query="?lang=fr")
        self.assertEqual(page.driver.current_url, self.address(f"/shop/{sale}?lang=fr"))
        self.title("Acheté. Merci")

    def test_the_next_buyer_of_a_tab_gets_nothing_of_the_one_before(self):
        for arrive in (self.come, self.arrive):
            with self.subTest(arrive.__name__):
                sale = self.new_sale()
                anna, bert = self.cluster.new_customer("anna"), self.cluster.new_customer("bert")
                self.come(sale, anna)
                self.buy("Bought. Thank you!")
                arrive(sale, bert)
                self.page.wait(lambda: self.page.find("#order[hidden]"), "another's receipt is shown")
                self.page.wait_for_text("Live", "#live")
                self.assertEqual(self.orders(sale, bert), [])
                self.buy("Bought. Thank you!")
                [mine] = self.orders(sale, bert)
                self.assertEqual(self.page.text("#receipt dd:last-child"), mine["id"])
                self.assertEqual(len(self.orders(sale, anna)), 1)

    def test_an_open_purchase_is_not_sent_for_somebody_else(self):
        sale = self.new_sale()
        anna, bert = self.cluster.new_customer("anna"), self.cluster.new_customer("bert")
        self.come(sale, anna)
        self.plan({"method": "POST", "path": "/orders", "isSent": True})
        self.buy("Not finished yet")
        self.come(sale, bert)
        self.assertIsNotNone(self.page.find("#order[hidden]"), "it buys for another")
        self.assertEqual(self.orders(sale, bert), [])

    def test_a_new_token_of_the_same_buyer_changes_nothing(self):
        sale = self.new_sale()
        self.customer = self.cluster.new_customer("bücher-")
        self.come(sale)
        self.buy("Bought. Thank you!")
        self.come(sale, iat=int(time.time()) - 10, jti="another")
        self.title("Bought. Thank you!")
        self.assertEqual(len(self.orders(sale)), 1)

    def test_a_page_that_is_taken_back_out_of_memory_asks_who_is_here(self):
        """As the browser keeps it for its button `back`."""
        sale = self.new_sale()
        self.come(sale)
        self.buy("Bought. Thank you!")
        with contextlib.suppress(Exception):  # the page goes away under the script
            self.page.run("window.isOld = true; sessionStorage.setItem('token', arguments[0]);"
                          "dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))",
                          self.cluster.token(self.cluster.new_customer()))
        self.page.wait(lambda: self.page.run("return document.readyState === 'complete' && !window.isOld"),
                       "it shows what was there")
        self.assertIsNotNone(self.page.find("#order[hidden]"), "another's receipt is shown")


if __name__ == "__main__":
    unittest.main()
