"""The page for operators in a real browser, on a sale that is sold while it is watched: what it shows, what it does
after a confirmation, and that a link to watch shows and does nothing.
"""

import time
import unittest

import harness
from harness import ClusterCase, browser, item_definition, payment_provider, wait_until

SECRET = "watch-secret-of-the-tests-" + "x" * 16
ENTER = "\ue007"


@unittest.skipUnless(browser.has_browser(), "needs chromium, chromium-driver and python3-selenium")
class OpsPageTest(ClusterCase):
    instances = 2
    settings = {"admin.watch_secret": SECRET, "payments.webhook_secrets": payment_provider.make_secret()}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.url = f"http://127.0.0.1:{cls.cluster.instances[0].admin_port}/ops"

    def open(self, path="", **how):
        page = browser.Browser(**how)
        self.addCleanup(page.close)
        return page.open(self.url + path)

    def enter(self, token=None, **how):
        page = self.open(**how)
        page.find("#token").send_keys(token or self.cluster.admin_token, ENTER)
        return page

    def watch(self, sale, **how):
        """The page, once it shows that sale."""
        page = self.enter(**how)
        page.wait_for_text("Live", "#connection")
        self.choose(page, sale)
        return page

    def choose(self, page, sale):
        page.wait(lambda: page.run("return [...document.querySelectorAll('#sale option')].some((one) => one.value === "
                                   "arguments[0])", sale), "the sale is not offered")
        page.run("const sale = document.querySelector('#sale'); sale.value = arguments[0]; "
                 "sale.dispatchEvent(new Event('change'))", sale)

    def confirm(self, page, *effects):
        """Reads the dialog, then does what it asks about."""
        page.wait(lambda: page.find("#confirm[open]"), "no dialog asks")
        for effect in effects:
            self.assertIn(effect, page.text("#confirm-effect"))
        page.find("#confirm-yes").click()

    def state(self, sale, where):
        """As that instance tells it; None while it has not heard of the sale."""
        return next((each["state"] for each in self.cluster.client(where).get("/v1/sales").json()["sales"]
                     if each["id"] == sale), None)

    def wait_state(self, sale, where, state):
        wait_until(lambda: self.state(sale, where) == state, 5, f"instance {where + 1}: the sale is not {state}")

    def offered(self, page):
        """What can be pressed to do or to read something."""
        return page.run("return [...document.querySelectorAll('.act, #items button, #flags button')]"
                        ".filter((one) => one.offsetParent !== null).map((one) => one.id)")

    def check_no_errors(self, page):
        self.assertEqual(page.console(), [])

    def test_a_sale_is_watched_from_start_to_report(self):
        sale = self.cluster.create_sale(name="Friday drop", items=[
            item_definition("black", 60, name="Sneaker, black"), item_definition("white", 90, name="Sneaker, white")])
        page = self.watch(sale)
        self.assertEqual(page.text("#left"), "150")
        for number in range(75):
            self.cluster.buy(sale, f"buyer-{number}", sku="black" if number % 2 else "white", where=number % 2)
        harness.crowd(self.ports, 40, lambda number, client: self.cluster.buy(
            sale, f"late-{number}", sku="black", client=client))
        page.wait(lambda: page.text("#orders") == "98" and page.text("#left") == "52", "it does not show what was sold")
        page.wait_for_text("sold out", "#items")
        for left in ("Sneaker, black: 0 of 60", "Sneaker, white: 52 of 90"):
            page.wait_for_text(left, "#stock .legend")
        axis = page.run("return [...document.querySelectorAll('#stock svg text')].map((one) => one.textContent)")
        self.assertEqual(axis[:3], ["0", "50", "100"], "shares of each item's stock, however large that is")
        for heading, group in (("This sale", "#h-of-sale"), ("All sales", "#h-of-instance")):
            self.assertIn(heading, page.text(group))
        page.wait_for_text("sold out", "#refusals")
        for part in ("Redis", "PostgreSQL", "Catalog"):
            self.assertIn(part, page.text("#parts"))
        self.assertNotIn("failing", page.text("#parts"))
        self.assertTrue(page.find("#stock path"), "no stock is drawn")
        self.check_no_errors(page)
        page.screenshot("ops-light-1280")
        page.prefer(dark=True)
        page.screenshot("ops-dark-1280")
        page.resize(360, 1600)
        page.wait(lambda: page.overflow() == 0, "the page is wider than 360 px")
        page.screenshot("ops-dark-360")
        page.prefer(dark=False)
        page.screenshot("ops-light-360")
        page.resize(1280, 1500)
        def report():
            return self.cluster.admin("GET", f"/admin/v1/sales/{sale}/report").json()
        wait_until(lambda: report()["refusals"], 10, "no refusal is reported")
        wait_until(lambda: report()["forecast"]["hindsight"], 20, "no forecast is looked back at")
        page.find("#show-report").click()
        page.wait_for_text("98 of 150", "#report")
        self.assertIn("Sneaker, black black", page.text("#report"), "an item's name and its SKU")
        self.assertIn("it was said each second between which numbers", page.text("#report"))
        page.wait_for_text("Lost demand", "#report")
        self.assertTrue(page.find("#report rect"))
        page.screenshot("ops-report")
        self.check_no_errors(page)

    def test_it_opens_with_the_sale_of_the_moment_and_stays_there(self):
        now = time.time()
        tonight = self.cluster.create_sale(name="Tonight", starts_at=now - 1)
        later = self.cluster.create_sale(name="Next week", starts_at=now + 600_000, ends_at=now + 700_000)
        self.wait_state(tonight, 0, "open")
        self.wait_state(later, 0, "scheduled")
        page = self.enter()
        page.wait_for_text("open", "#state")
        self.assertEqual(page.run("return document.querySelector('#sale').value"), tonight)
        newest = self.cluster.create_sale(name="Opened meanwhile", starts_at=time.time())
        page.wait(lambda: page.run("return document.querySelector('#sale option').value") == newest,
                  "what opened last is not first")
        self.assertEqual(page.run("return document.querySelector('#sale').value"), tonight)

    def test_six_items_make_no_card_tall_and_empty(self):
        sale = self.cluster.create_sale(name="Six items", items=[
            item_definition(f"item-{number}", 50 if number else 5000, name=f"Item {number}") for number in range(6)])
        page = self.watch(sale)
        page.wait_for_text("Item 5: 50 of 50", "#stock .legend")
        for number in range(30):
            self.cluster.buy(sale, f"buyer-{number}", sku=f"item-{number % 6}", where=number % 2)
        page.wait_for_text("Item 5", "#forecast")
        # Cards that stand side by side are as tall as the tallest: none is much taller than a plot and its legend.
        heights = page.run("return [...document.querySelectorAll('.grid > .card')].map((card) => card."
                           "getBoundingClientRect()).filter((box, index, all) => all.some((other) => other !== box && "
                           "other.top === box.top)).map((box) => box.height)")
        self.assertGreater(len(heights), 3)
        self.assertLess(max(heights), 330, heights)
        self.check_no_errors(page)
        page.screenshot("ops-six-items")

    def test_more_items_than_the_forecast_shows_are_counted(self):
        sale = self.cluster.create_sale(name="Eight items", items=[
            item_definition(f"item-{number}", 500, name=f"Item {number}") for number in range(8)])
        page = self.watch(sale)
        page.wait_for_text("Item 7", "#items")
        for number in range(30):
            self.cluster.buy(sale, f"buyer-{number}", sku=f"item-{number % 8}", where=number % 2)
        page.wait_for_text("Items that are not shown here: 2.", "#forecast")
        self.check_no_errors(page)

    def test_what_is_sold_out_is_not_forecast(self):
        for name, members, words in (("For free", {}, "Sold out: there is nothing to forecast."),
                                     ("To be paid", {"payment": "required", "payment_window_s": 600},
                                      "Some units are not paid yet and may come back")):
            with self.subTest(name):
                sale = self.cluster.create_sale(name=name, stock=20, **members)
                page = self.watch(sale)
                for number in range(25):
                    self.cluster.buy(sale, f"buyer-{number}", where=number % 2)
                page.wait_for_text(words, "#forecast")
                self.assertNotIn("Next second", page.text("#forecast"))
                self.check_no_errors(page)

    def test_stock_can_be_changed_in_a_narrow_window(self):
        sale = self.cluster.create_sale(name="Narrow drop", items=[
            item_definition("sneaker", 4000, name="Court sneaker, white, EU 42"),
            item_definition("print", 1, name="Print")])
        page = self.watch(sale, width=500)
        page.wait_for_text("Court sneaker", "#items")
        self.cluster.buy(sale, "buyer", sku="print")
        page.wait_for_text("sold out", "#items")
        for width in (360, 500, 700):
            page.resize(width)
            cut = page.run("const seen = document.querySelector('#items').parentElement.getBoundingClientRect();"
                           "return [...document.querySelectorAll('#items button')].map((one) => one."
                           "getBoundingClientRect().right - seen.right)")
            self.assertEqual(len(cut), 2)
            self.assertLessEqual(max(cut), 0, f"at {width} px a button is cut off")
            self.assertEqual(page.overflow(), 0)
        page.resize(500, 1600)
        page.screenshot("ops-500")

    def test_what_it_does_is_confirmed_and_done_everywhere(self):
        sale = self.cluster.create_sale(name="Paused drop", stock=20)
        page = self.watch(sale)
        page.wait_for_text("open", "#state")
        page.find("#pause").click()
        self.confirm(page, "buying", "409 sale-not-open", "every instance")
        page.wait_for_text("paused", "#state")
        page.wait_for_text("Paused drop is paused", "#done")
        for where in (0, 1):
            self.wait_state(sale, where, "paused")
            self.check_status(self.cluster.buy(sale, f"buyer-{where}", where=where), 409, "sale-not-open")
        page.find("#resume").click()
        self.confirm(page, "20 units are left")
        page.wait_for_text("open", "#state")
        for where in (0, 1):
            self.wait_state(sale, where, "open")
        page.find("#items button").click()
        page.wait(lambda: page.find("#confirm[open]"), "no dialog asks")
        page.run("const units = document.querySelector('#confirm-number'); units.value = 7; "
                 "units.dispatchEvent(new Event('input'))")
        self.confirm(page, "7 more units", "20 of 20 are left now, then 27 of 27")
        page.wait(lambda: page.text("#left") == "27", "the units do not come")
        self.assertEqual(self.cluster.audit(sale)["items"][0]["stock"], 27)
        self.check_no_errors(page)

    def test_a_feature_is_switched_and_nothing_without_confirmation(self):
        self.cluster.create_sale(name="Flagged drop")
        page = self.enter()
        page.wait_for_text("live stock", "#flags")
        button = "button[aria-label='Switch live_stock']"

        def is_on():
            flags = self.cluster.admin("GET", "/admin/v1/flags").json()["flags"]
            return next(flag for flag in flags if flag["name"] == "live_stock")["enabled"]
        page.find(button).click()
        page.wait(lambda: page.find("#confirm[open]"), "no dialog asks")
        page.find("#confirm-no").click()
        page.wait(lambda: not page.find("#confirm[open]"), "the dialog stays")
        self.assertTrue(is_on())
        page.find(button).click()
        self.confirm(page, "no longer see how many")
        page.wait_for_text("live_stock is off", "#done")
        self.assertFalse(is_on())
        page.wait(lambda: "off" in page.text("#flags"), "the page does not show it")
        page.find(button).click()
        self.confirm(page, "see again")
        page.wait_for_text("live_stock is on", "#done")
        self.assertTrue(is_on())

    def test_a_wrong_token_is_refused_in_words(self):
        page = self.enter(token="wrong")
        page.wait_for_text("Not let in", "#refusal")
        self.assertEqual(page.run("return sessionStorage.length"), 0)

    def test_whoever_may_only_read_is_told_so(self):
        sale = self.cluster.create_sale(name="Read drop")
        self.cluster.write_admin_tokens({harness.ADMIN_NAME: self.cluster.admin_token, "rita:read": "token-of-rita"})
        restarted = self.cluster.add_instance()
        page = self.open()
        page.open(f"http://127.0.0.1:{restarted.admin_port}/ops")
        page.find("#token").send_keys("token-of-rita", ENTER)
        page.wait_for_text("Live", "#connection")
        self.choose(page, sale)
        page.wait_for_text("open", "#state")
        page.wait_for_text("change nothing", "#who")
        self.assertEqual(self.offered(page), ["show-report"])
        page.find("#show-report").click()
        page.wait_for_text("Read drop", "#report")
        self.check_no_errors(page)

    def test_a_link_shows_and_does_nothing(self):
        self.cluster.create_sale(name="Watched drop", stock=33)
        page = self.enter()
        page.wait_for_text("Live", "#connection")
        page.find("#share").click()
        page.wait(lambda: page.find("#link[open]"), "no link is shown")
        link = page.run("return document.querySelector('#link-text').value")
        guest = self.open()
        guest.open(link)
        guest.wait_for_text("Live", "#connection")
        guest.wait_for_text("Watched drop", "#sale")
        self.assertEqual(guest.run("return location.hash"), "")
        guest.wait_for_text("change nothing", "#who")
        self.assertEqual(self.offered(guest), [])
        self.check_no_errors(guest)

    def test_the_connection_is_lost_and_comes_back(self):
        self.cluster.create_sale(name="Lost drop")
        instance = self.cluster.add_instance()
        page = self.open()
        page.open(f"http://127.0.0.1:{instance.admin_port}/ops")
        page.find("#token").send_keys(self.cluster.admin_token, ENTER)
        page.wait_for_text("Live", "#connection")
        page.go_offline()
        instance.stop()
        page.wait_for_text("Connection lost", "#connection")

    def test_it_is_for_everybody(self):
        sale = self.cluster.create_sale(name="Open to all")
        page = self.watch(sale)
        page.wait_for_text("open", "#state")
        self.assertEqual(page.check_accessibility(), [])
        page.prefer(dark=True)
        self.assertEqual(page.check_accessibility(), [])
        page.run("document.querySelector('#pause').focus()")
        page.press(ENTER)
        page.wait(lambda: page.find("#confirm[open]"), "the keyboard does not reach it")
        self.assertEqual(page.focused().get_attribute("id"), "confirm-no")
        self.assertEqual(page.check_accessibility(), [])
        page.press(ENTER)
        page.wait(lambda: not page.find("#confirm[open]"), "the dialog stays")


if __name__ == "__main__":
    unittest.main()
