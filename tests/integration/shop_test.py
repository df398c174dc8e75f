"""The shop page: what the server writes into it, what a demo may do and where it is refused, and a whole sale in a real
browser: by mouse and by keyboard, narrow and dark, in three languages, on a broken connection, and with an
accessibility checker where there is one.
"""

import concurrent.futures
import contextlib
import http.client
import json
import pathlib
import re
import signal
import tempfile
import time
import unittest

import harness
from harness import ROOT, ClusterCase, item_definition, run_flashsaled, sale_definition, wait_until
from harness import browser, payment_provider

PAGES = ROOT / "src" / "pages" / "shop"
DEMO = {"shop.enabled": True, "shop.demo": True, "jwt.issuer": "flashsale-demo", "http.address": "127.0.0.1",
        "payments.webhook_secrets": payment_provider.make_secret(), "rate_limit.enabled": False}
TAB, ENTER = "\ue004", "\ue007"


class TextsTest(unittest.TestCase):
    def setUp(self):
        self.texts = json.loads((PAGES / "shop_texts.json").read_text())

    def test_each_text_is_there_in_each_language(self):
        languages = set(self.texts["language"])
        self.assertEqual(languages, {"en", "de", "fr"})
        for key, translations in self.texts.items():
            self.assertEqual(set(translations), languages, key)
            self.assertTrue(all(text.strip() for text in translations.values()), key)
            values = {language: set(re.findall(r"\{\w+\}", text)) for language, text in translations.items()}
            self.assertEqual(len(set(map(frozenset, values.values()))), 1, f"{key}: {values}")

    def test_what_pages_say_is_in_the_table(self):
        used = set()
        for page in PAGES.glob("*.html"):
            used |= set(re.findall(r'\{\{t:([\w-]+)\}\}|data-t="([\w-]+)"', page.read_text()))
        used = {key for pair in used for key in pair if key}
        used |= set(re.findall(r'\bsay\("([\w-]+)"', (PAGES / "shop.js").read_text()))
        self.assertGreater(len(used), 10)
        self.assertEqual(used - set(self.texts), set())


class SettingsTest(unittest.TestCase):
    """A demo gives tokens and payments away: it is on where nobody else can come, and nowhere else."""

    REFUSED = ({"http.address": "0.0.0.0"}, {"http.address": "::"}, {"http.address": "192.0.2.1"},
               {"admin.address": "0.0.0.0"}, {"jwt.issuer": "https://shop.example"}, {"jwt.issuer": None},
               {"auth.mode": "gateway"}, {"shop.enabled": False})

    def test_a_demo_is_refused_where_others_could_come(self):
        for change in self.REFUSED:
            with self.subTest(change):
                settings = DEMO | {"jwt.secret": "s" * 32, "postgres.url": "postgresql://127.0.0.1:1/none"} | change
                for command in ("check", "serve"):
                    done = run_flashsaled([command], settings)
                    self.assertNotEqual(done.returncode, 0)
                    self.assertIn("shop.demo gives tokens and payments away and is refused", done.stderr)


class OffTest(ClusterCase):
    def test_there_is_no_shop_unless_it_is_switched_on(self):
        sale = self.cluster.create_sale()
        for path in ("/", "/shop", f"/shop/{sale}", "/shop.js", "/shop.css"):
            self.check_status(self.cluster.client().get(path), 404, "not-found")
        self.check_status(self.cluster.client().request("POST", "/shop/demo/token"), 404, "not-found")

    def test_a_browser_finds_an_icon_wherever_it_looks(self):
        for answer in (self.cluster.client().get("/favicon.ico"),
                       self.cluster.admin("GET", "/favicon.ico", token=False)):
            self.check_status(answer, 200)
            self.assertEqual(answer.header("Content-Type"), "image/svg+xml")
            self.assertEqual(answer.header("Cache-Control"), "public, max-age=86400")
            self.assertEqual(answer.body, (PAGES.parent / "favicon.svg").read_bytes())


class WithoutDemoTest(ClusterCase):
    settings = {"shop.enabled": True}

    def test_nothing_is_given_away(self):
        sale = self.cluster.create_sale()
        page = self.check_status(self.cluster.client().get(f"/shop/{sale}"), 200).body.decode()
        self.assertIn('data-demo="false"', page)
        for path in ("/shop/demo/token", "/shop/demo/payments"):
            response = self.cluster.client().request("POST", path)
            self.assertIn(response.status, (404, 405), repr(response))


class PageTest(ClusterCase):
    settings = DEMO

    def page(self, path):
        return self.check_status(self.cluster.client().get(path), 200)

    def test_it_says_what_there_is_without_a_script(self):
        sale = self.cluster.create_sale(name="Drop <b>&amp;\"'", items=[
            item_definition("shoe", 7, amount=12_990, currency="EUR", name="<script>alert(1)</script>"),
            item_definition("yen", 3, amount=500, currency="JPY")])
        response = self.page(f"/shop/{sale}")
        text = response.body.decode()
        self.assertEqual(response.header("Content-Type"), "text/html; charset=utf-8")
        for part in ("<h1>Drop &lt;b&gt;&amp;amp;&quot;&#39;</h1>", "&lt;script&gt;alert(1)&lt;/script&gt;",
                     "129.90 EUR", "500 JPY", "Available", 'data-remaining="7"'):
            self.assertIn(part, text)
        self.assertNotIn("<script>alert", text)
        self.assertNotIn("{{", text)
        policy = response.header("Content-Security-Policy")
        self.assertIn("default-src 'none'; script-src 'self'", policy)
        self.assertNotIn("unsafe", policy)
        for name in ("style=", "onclick="):
            self.assertNotIn(name, text)
        again = self.cluster.client().get("/shop.js", {"If-None-Match": self.page("/shop.js").header("ETag")})
        self.check_status(again, 304)

    def test_it_speaks_three_languages_and_english_otherwise(self):
        sale = self.cluster.create_sale()
        for asked, word in (("de", "Verfügbar"), ("fr", "Disponible"), ("en", "Available"), ("xx", "Available"),
                            ("<b>", "Available")):
            self.assertIn(word, self.page(f"/shop/{sale}?lang={asked}").body.decode())

    def test_it_speaks_the_language_that_a_browser_wishes(self):
        sale = self.cluster.create_sale()
        self.cluster.create_sale()
        wait_until(lambda: self.cluster.client().get("/shop").status == 200, 10, "one alone is listed")
        for path in (f"/shop/{sale}", "/shop"):
            for wish, query, language in (("de-AT, en;q=0.8", "", "de"), ("en;q=0.3, fr", "", "fr"),
                                          ("nl, *", "", "en"),
                                          ("de", "?lang=fr", "fr"), ("de", "?lang=xx", "de")):
                with self.subTest(path=path, wish=wish, query=query):
                    answer = self.cluster.client().get(path + query, {"Accept-Language": wish})
                    self.check_status(answer, 200)
                    self.assertIn(f'<html lang="{language}">', answer.body.decode())
                    self.assertEqual(answer.header("Vary"), "Accept-Language")

    def test_the_list(self):
        sales = {self.cluster.create_sale() for _ in range(2)}
        draft = self.cluster.create_sale(state="draft")
        # Whoever answers may not have heard of the newest one yet.
        links = {f"/shop/{sale}?lang=en" for sale in sales}
        wait_until(lambda: all(link in self.page("/shop").body.decode() for link in links), 10, "both in the list")
        self.assertNotIn(draft, self.page("/shop").body.decode())
        self.check_status(self.cluster.client().get("/shop/no-such-sale"), 404, "unknown-sale")
        self.check_status(self.cluster.client().get(f"/shop/{draft}"), 404, "unknown-sale")

    BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"

    def test_a_browser_is_told_in_words_that_there_is_no_such_sale(self):
        draft = self.cluster.create_sale(state="draft")
        for path, language, words in (("/shop/no-such-sale", "en", "There is no such sale"),
                                      (f"/shop/{draft}", "en", "There is no such sale"),
                                      ("/shop/%3Cb%3E", "de", "Diesen Verkauf gibt es nicht"),
                                      ("/shop/no-such-sale?lang=fr", "fr", "Cette vente n’existe pas")):
            with self.subTest(path):
                answer = self.cluster.client().get(path, {"Accept": self.BROWSER, "Accept-Language": "en"
                                                          if "lang" in path else language})
                self.check_status(answer, 404)
                text = answer.body.decode()
                self.assertEqual(answer.header("Content-Type"), "text/html; charset=utf-8")
                for part in (f'<html lang="{language}">', f"<h1>{words}</h1>", f'href="/shop?lang={language}"'):
                    self.assertIn(part, text)
                self.assertNotIn("{{", text)
                self.assertNotIn("<b>", text)
                self.assertIn("default-src 'none'; script-src 'self'", answer.header("Content-Security-Policy"))
                self.assertEqual(answer.header("Vary"), "Accept, Accept-Language")
                self.assertEqual(answer.header("Cache-Control"), "no-store")
        for accept in ({}, {"Accept": "*/*"}, {"Accept": "application/json, text/html;q=0.9"}):
            answer = self.cluster.client().get("/shop/no-such-sale", accept)
            self.check_status(answer, 404, "unknown-sale")
            self.assertEqual(answer.header("Vary"), "Accept")

    def test_prices_have_the_digits_that_amounts_are_counted_in(self):
        prices = {"EUR": "5.00", "HUF": "5.00", "ALL": "5.00", "XOF": "500", "RWF": "500", "XPF": "500", "BIF": "500",
                  "DJF": "500", "GNF": "500", "KMF": "500", "VUV": "500", "IQD": "0.500", "LYD": "0.500",
                  "UYW": "0.0500"}
        sale = self.cluster.create_sale(items=[item_definition(currency, 1, amount=500, currency=currency)
                                               for currency in prices])
        shown = re.findall(r">([\d.]+ [A-Z]{3})</data>", self.page(f"/shop/{sale}").body.decode())
        self.assertEqual(shown, [f"{price} {currency}" for currency, price in prices.items()])

    def demo_token(self, **headers):
        return self.cluster.client().request("POST", "/shop/demo/token", headers=headers)

    def test_a_demo_serves_whoever_is_here_alone(self):
        given = self.check_status(self.demo_token(), 201).json()
        self.assertRegex(given["customer_id"], "^demo-[0-9a-f]{32}$")
        self.check_status(self.demo_token(**{"X-Forwarded-For": "127.0.0.1"}), 201)
        self.check_status(self.demo_token(**{"X-Forwarded-For": "127.0.0.1, [::1]:4711"}), 201)
        for address in ("192.0.2.1", "10.0.0.1", "2001:db8::1", "nonsense, 192.0.2.1", "unknown", "127.0.0.1, unknown",
                        "unknown, 127.0.0.1", "192.0.2.1, 127.0.0.1", "fe80::1%eth0", ","):
            self.check_status(self.demo_token(**{"X-Forwarded-For": address}), 404, "not-found")

    def test_a_demo_serves_under_this_machines_own_name_alone(self):
        for host in ("localhost", "localhost:8080", "127.0.0.1", "127.5.5.5:80", "[::1]:8080"):
            self.check_status(self.demo_token(Host=host), 201)
        for host in ("shop.example", "shop.example:8080", "localhost.shop.example", "127.0.0.1.shop.example:80",
                     "192.0.2.1:8080", "[2001:db8::1]"):
            self.check_status(self.demo_token(Host=host), 404, "not-found")

    def test_a_payment_is_signed_for_the_demos_own_orders(self):
        sale = self.cluster.create_sale(payment="required", payment_window_s=60)
        mine, other = (self.demo_token().json()["token"] for _ in range(2))

        def call(path, token, body, **headers):
            return self.cluster.client().request("POST", path, body, {"Authorization": f"Bearer {token}", **headers})

        order = self.check_status(call(f"/v1/sales/{sale}/orders", mine, {"sku": "sneaker-42", "quantity": 1},
                                       **{"Idempotency-Key": "one"}), 201).json()
        asked = {"order_id": order["id"], "amount": order["total"]["amount"], "currency": "EUR", "succeeds": True}
        self.check_status(call("/shop/demo/payments", other, asked), 404, "not-found")
        self.check_status(call("/shop/demo/payments", mine, asked | {"amount": "1"}), 400, "malformed-request")
        self.check_status(call("/shop/demo/payments", mine, asked, **{"X-Forwarded-For": "192.0.2.1"}), 404)
        signed = self.check_status(call("/shop/demo/payments", mine, asked), 200).json()
        fields = {"webhook-id": signed["webhook_id"], "webhook-timestamp": signed["webhook_timestamp"],
                  "webhook-signature": signed["webhook_signature"], "Content-Type": "application/json"}
        paid = self.cluster.client().request("POST", payment_provider.PATH, signed["body"].encode(), fields)
        self.assertEqual(self.check_status(paid, 200).json()["outcome"], "confirmed")


class ListTest(ClusterCase):
    settings = {"shop.enabled": True}

    def listed(self):
        text = self.check_status(self.cluster.client().get("/shop"), 200).body.decode()
        return re.findall(r'href="/shop/([^"?]+)\?lang=en"', text)

    def test_what_is_sold_now_is_seen_whatever_else_there_is(self):
        now = time.time()
        open_ones = [self.cluster.create_sale(starts_at=now - age) for age in (300, 7200, 60)]
        soon, late = (self.cluster.create_sale(starts_at=now + 86_400 + wait, ends_at=now + 172_800)
                      for wait in (60, 7200))
        self.cluster.create_sale(starts_at=now - 7200, ends_at=now - 3600)
        first, oldest, newest = open_ones
        wait_until(lambda: self.listed() == [newest, first, oldest, soon, late], 10, "another list")
        definitions = [sale_definition(f"next-{number:03}", starts_at=now + 864_000 - number, ends_at=now + 1_728_000)
                       for number in range(100)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for made in pool.map(lambda sale: self.cluster.admin("POST", "/admin/v1/sales", sale), definitions):
                self.check_status(made, 201)
        expected = [newest, first, oldest, soon, late, *(f"next-{number:03}" for number in range(99, 4, -1))]
        wait_until(lambda: self.listed() == expected, 10, "another list")


class TiesTest(ClusterCase):
    settings = {"shop.enabled": True}

    def test_sales_of_one_time_stand_by_their_names(self):
        text = self.check_status(self.cluster.client().get("/shop?lang=fr"), 200).body.decode()
        self.assertIn("Rien n’est en vente", text)
        now = time.time()
        for state, when in (("open", {"starts_at": now - 60}),
                            ("to come", {"starts_at": now + 86_400, "ends_at": now + 172_800})):
            for name in "DBFACE":
                self.cluster.create_sale(name=f"{name}, {state}", **when)

        def names():
            page = self.check_status(self.cluster.client().get("/shop"), 200).body.decode()
            return re.findall(r'lang=en">([^<]+)</a>', page)
        wait_until(lambda: len(names()) == 12, 10, "not all are listed")
        self.assertEqual(names(), [f"{name}, {state}" for state in ("open", "to come") for name in "ABCDEF"])


class KeysTest(ClusterCase):
    """A demo whose keys change while it serves."""

    settings = DEMO | {"jwt.secret": None, "payments.webhook_secrets": None}

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="keys-", dir=harness.run_directory()))
        cls.write_keys("k" * 48)
        cls.settings = cls.settings | {"jwt.secret_file": cls.folder / "jwt",
                                       "payments.webhook_secrets_file": cls.folder / "webhook"}
        super().setUpClass()

    @classmethod
    def write_keys(cls, key):
        (cls.folder / "jwt").write_text(key)
        (cls.folder / "webhook").write_text(payment_provider.make_secret())

    def call(self, client, path, body=None, **headers):
        return client.request("POST", path, body, headers)

    def check_demo(self):
        """On several connections, which threads take in turn."""
        sale = self.cluster.create_sale(payment="required", payment_window_s=60)
        for number in range(4):
            with contextlib.closing(self.cluster.instances[0].client()) as client:
                token = self.check_status(self.call(client, "/shop/demo/token"), 201).json()["token"]
                bearer = {"Authorization": f"Bearer {token}"}
                order = self.check_status(self.call(client, f"/v1/sales/{sale}/orders",
                                                    {"sku": "sneaker-42", "quantity": 1}, **bearer,
                                                    **{"Idempotency-Key": str(number)}), 201).json()
                asked = {"order_id": order["id"], "amount": order["total"]["amount"], "currency": "EUR",
                         "succeeds": True}
                signed = self.check_status(self.call(client, "/shop/demo/payments", asked, **bearer), 200).json()
                paid = self.call(client, payment_provider.PATH, signed["body"].encode(), **{
                    "Content-Type": "application/json", "webhook-id": signed["webhook_id"],
                    "webhook-timestamp": signed["webhook_timestamp"],
                    "webhook-signature": signed["webhook_signature"]})
                self.assertEqual(self.check_status(paid, 200).json()["outcome"], "confirmed")

    def test_it_signs_by_the_keys_of_the_moment(self):
        self.check_demo()
        self.write_keys("n" * 48)
        process = self.cluster.instances[0].process
        process.send(signal.SIGHUP)
        wait_until(lambda: "settings read again" in process.log_text(), 10, "the keys are not read again")
        self.check_demo()


@unittest.skipUnless(browser.has_browser(), "needs chromium, chromium-driver and python3-selenium")
class BrowserTest(ClusterCase):
    """One browser, whose tab begins anew with each test."""

    settings = DEMO

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.browser = browser.Browser()
        cls.addClassCleanup(cls.browser.close)

    def visit(self, sale, query=""):
        """As somebody who has never been there."""
        self.browser.resize(1280)
        self.browser.prefer()
        port = self.cluster.instances[0].port
        self.browser.open(f"http://127.0.0.1:{port}/shop.css")
        self.browser.run("sessionStorage.clear()")
        self.browser.console()
        self.browser.open(f"http://127.0.0.1:{port}/shop/{sale}{query}")
        self.browser.wait_for_text("Live" if "fr" not in query else "En direct", "#live")
        return self.browser

    def button(self, sku, page):
        return page.find(f'.item[data-sku="{sku}"] .buy')

    def stock(self, sku):
        return f'.item[data-sku="{sku}"] .stock'

    def title(self, page, text):
        page.wait_for_text(text, "#order-title")

    def check_page(self, page, name):
        """No error, no sideways scrolling, nothing that keeps people out; in the dark and on a phone, too."""
        page.screenshot(name)
        self.assertEqual(page.console(), [])
        page.resize(360, 800)
        page.screenshot(f"{name}-narrow")
        self.assertLessEqual(page.overflow(), 0, f"{name} scrolls sideways at 360 px")
        page.prefer(dark=True, reduced_motion=True)
        page.screenshot(f"{name}-narrow-dark")
        page.resize(1280)
        page.screenshot(f"{name}-dark")
        dark = page.run("return getComputedStyle(document.body).backgroundColor")
        if browser.AXE:
            self.assertEqual(page.check_accessibility(), [])
        page.prefer()
        self.assertNotEqual(page.run("return getComputedStyle(document.body).backgroundColor"), dark)
        if browser.AXE:
            self.assertEqual(page.check_accessibility(), [])

    def demo_sale(self, **members):
        return self.cluster.create_sale(**({"name": "Friday drop", "items": [
            item_definition("sneaker-42", 3, limit=2, amount=12_990, name="Court sneaker, white, EU 42"),
            item_definition("console", 40, limit=1, amount=49_900, name="Game console, black, 1 TB"),
            item_definition("print", 0, limit=1, amount=24_000, name="Signed art print, numbered"),
            item_definition("hoodie", 250, limit=3, amount=6_500, name="Tour hoodie, M")]} | members))

    def test_somebody_buys_and_others_see_it(self):
        page = self.visit(self.demo_sale())
        self.assertEqual(page.text("h1"), "Friday drop")
        page.wait_for_text("3 left", self.stock("sneaker-42"))
        self.assertEqual(page.text(self.stock("print")), "Sold out")
        self.check_page(page, "shop-open")
        self.button("sneaker-42", page).click()
        self.title(page, "Bought. Thank you!")
        self.assertIn("€129.90", page.text("#receipt"))
        self.assertFalse(self.button("console", page).is_enabled())
        self.assertIn("close the message above", page.text("#one-at-a-time"))
        page.wait_for_text("2 left", self.stock("sneaker-42"))
        self.check_page(page, "shop-receipt")
        page.find("#button-cancel").click()
        self.title(page, "Cancelled")
        page.wait_for_text("3 left", self.stock("sneaker-42"))
        page.find("#button-done").click()
        page.wait(lambda: page.find("#order[hidden]"), "the receipt is still there")
        self.assertTrue(self.button("console", page).is_enabled())
        self.assertFalse(page.find("#one-at-a-time").is_displayed())
        self.assertEqual(page.console(), [])

    def test_somebody_pays_with_one_card_and_then_another(self):
        sale = self.demo_sale(payment="required", payment_window_s=300, payment_attempts=3)
        page = self.visit(sale)
        self.button("console", page).click()
        self.title(page, "Reserved for you")
        self.assertRegex(page.text("#order-text"), r"Pay within [45]:\d\d")
        self.assertIn("One purchase at a time", page.text("#one-at-a-time"))
        self.check_page(page, "shop-reserved")
        page.find("#button-decline").click()
        page.wait(lambda: page.find("#button-pay") and page.find("#button-pay").is_enabled(), "nobody can pay again")
        page.find("#button-pay").click()
        self.title(page, "Bought. Thank you!")
        self.assertEqual(page.console(), [])

    def test_by_keyboard_alone(self):
        page = self.visit(self.demo_sale())
        page.wait_for_text("3 left", self.stock("sneaker-42"))
        for _ in range(10):
            page.press(TAB)
            if "buy" in (page.focused().get_attribute("class") or ""):
                break
        self.assertEqual(page.focused().text.split("\n")[0], "Buy")
        page.press(ENTER)
        self.title(page, "Bought. Thank you!")
        self.assertEqual(page.run("return document.activeElement.id"), "order")
        page.press(TAB, ENTER)
        page.wait(lambda: page.find("#order[hidden]"), "the receipt is still there")
        self.assertIn("buy", page.focused().get_attribute("class"))

    def test_who_hears_the_page_is_told_of_what_changes(self):
        sale = self.demo_sale()
        page = self.visit(sale)
        page.wait_for_text("3 left", self.stock("sneaker-42"))
        for number, quantity in enumerate((2, 1)):
            body = {"sku": "sneaker-42", "quantity": quantity}
            other = self.cluster.client().request("POST", "/shop/demo/token").json()["token"]
            self.check_status(self.cluster.client().request("POST", f"/v1/sales/{sale}/orders", body, {
                "Authorization": f"Bearer {other}", "Idempotency-Key": str(number)}), 201)
        page.wait_for_text("Sold out", self.stock("sneaker-42"))
        page.wait(lambda: "Court sneaker, white, EU 42 is sold out." in page.run(
            "return document.querySelector('#told').textContent"), "nobody was told")
        self.assertFalse(self.button("sneaker-42", page).is_displayed())
        self.check_page(page, "shop-sold-out")

    def test_a_limit_is_told_in_plain_words(self):
        page = self.visit(self.demo_sale())
        for expected in ("Bought. Thank you!", "Not bought"):
            page.wait(lambda: self.button("console", page).is_enabled(), "nobody can buy")
            self.button("console", page).click()
            self.title(page, expected)
            if expected == "Not bought":
                self.assertIn("as many as one person may buy", page.text("#order-text"))
                self.check_failed_answers_alone(page, 409)
            page.find("#button-done").click()

    def check_failed_answers_alone(self, page, status):
        """Chromium itself notes that an answer was no good one."""
        for message in page.console():
            self.assertIn(f"status of {status}", message)

    def test_who_has_a_wrong_address_is_led_to_the_list(self):
        for _ in range(2):
            self.demo_sale()
        page = self.visit(self.demo_sale())
        page.open(f"http://127.0.0.1:{self.cluster.instances[0].port}/shop/nowhere?lang=de")
        self.assertEqual(page.text("h1"), "Diesen Verkauf gibt es nicht")
        self.check_failed_answers_alone(page, 404)
        page.screenshot("shop-nowhere")
        page.resize(360, 800)
        self.assertLessEqual(page.overflow(), 0)
        page.find("main a").click()
        page.wait_for_text("Verkäufe", "h1")
        self.assertEqual(page.console(), [])

    def test_the_pages_icon_is_a_picture_that_the_policy_allows(self):
        page = self.visit(self.demo_sale())
        width = page.run("const image = new Image(); image.src = document.querySelector('link[rel=icon]').href;"
                         "return image.decode().then(() => image.naturalWidth)")
        self.assertGreater(width, 0)
        page.open(f"http://127.0.0.1:{self.cluster.instances[0].port}/livez")  # names none: the browser asks by itself
        self.assertEqual(page.console(), [])

    def test_a_page_that_is_loaded_again_buys_once(self):
        sale = self.demo_sale()
        page = self.visit(sale)
        self.button("hoodie", page).click()
        self.title(page, "Bought. Thank you!")
        order = page.text("#receipt dd:last-child")
        page.driver.refresh()
        self.title(page, "Bought. Thank you!")
        self.assertEqual(page.text("#receipt dd:last-child"), order)
        page.wait_for_text("249 left", self.stock("hoodie"))

    def test_a_broken_connection_costs_nothing(self):
        page = self.visit(self.demo_sale())
        page.wait_for_text("250 left", self.stock("hoodie"))
        # The page has its buyer before it loses the server.
        self.button("sneaker-42", page).click()
        self.title(page, "Bought. Thank you!")
        page.find("#button-done").click()
        page.go_offline()
        self.addCleanup(page.go_offline, False)
        self.button("hoodie", page).click()
        self.title(page, "Not finished yet")
        self.assertIn("you will not buy twice", page.text("#order-text"))
        page.screenshot("shop-broken")
        page.go_offline(False)
        page.find("#button-again").click()
        self.title(page, "Bought. Thank you!")
        page.wait_for_text("249 left", self.stock("hoodie"))

    def test_a_countdown_goes_by_the_servers_clock(self):
        page = self.visit(self.demo_sale(starts_at=time.time() + 6 * harness.SLOWNESS))
        self.assertEqual(page.text("#state"), "Not open yet")
        self.assertRegex(page.text("#countdown"), r"Starts in 0:\d\d")
        self.assertFalse(self.button("hoodie", page).is_displayed())
        page.screenshot("shop-countdown")
        page.wait_for_text("Open", "#state")
        page.wait(lambda: self.button("hoodie", page).is_displayed(), "nobody can buy")
        self.assertFalse(page.find("#countdown").is_displayed())

    def test_prices_go_by_the_server_and_not_by_what_is_customary(self):
        sale = self.demo_sale(items=[item_definition("forint", 9, amount=650_000, currency="HUF"),
                                     item_definition("dinar", 9, amount=12_500, currency="IQD"),
                                     item_definition("franc", 9, amount=500, currency="XOF")])
        page = self.visit(sale)
        for sku, price in (("forint", "HUF 6,500.00"), ("dinar", "IQD 12.500"), ("franc", "F\u202fCFA 500")):
            self.assertEqual(page.text(f'.item[data-sku="{sku}"] .price').replace("\xa0", " "), price)
        self.button("dinar", page).click()
        self.title(page, "Bought. Thank you!")
        self.assertIn("12.500", page.text("#receipt"))

    def test_a_tab_that_nobody_sees_takes_no_connection(self):
        """A browser has six to one server: with one for each tab, the seventh could not buy."""
        sale = self.demo_sale()
        page = self.visit(sale)
        port = self.cluster.instances[0].port
        with contextlib.ExitStack() as tabs:
            for _ in range(6):
                tabs.enter_context(page.other_tab())
                page.open(f"http://127.0.0.1:{port}/shop/{sale}")
                page.wait_for_text("Live", "#live")
            wait_until(lambda: self.streams() == 1, 10, "other tabs hold their streams")
            self.button("hoodie", page).click()
            self.title(page, "Bought. Thank you!")
        page.wait_for_text("249 left", self.stock("hoodie"))
        self.assertEqual(page.text("#live"), "Live")
        wait_until(lambda: self.streams() == 1, 10, "the tab has another stream than its own")

    def streams(self):
        text = self.cluster.admin("GET", "/metrics").body.decode()
        return float(re.search(r'^flashsale_queue_depth\{queue="live_streams"\} (.+)$', text, re.MULTILINE)[1])

    def test_no_word_in_the_address_stops_the_page(self):
        for word in ("constructor", "__proto__", "toString", "xx"):
            self.assertEqual(self.visit(self.demo_sale(), f"?lang={word}").text("#state"), "Open")

    def test_another_language(self):
        page = self.visit(self.demo_sale(), "?lang=fr")
        page.wait_for_text("Encore 3", self.stock("sneaker-42"))
        self.assertEqual(page.run("return document.documentElement.lang"), "fr")
        self.button("hoodie", page).click()
        self.title(page, "Acheté. Merci")
        page.resize(360, 800)
        page.screenshot("shop-french-narrow")
        self.assertLessEqual(page.overflow(), 0)


@unittest.skipUnless(browser.has_browser(), "needs chromium, chromium-driver and python3-selenium")
class PollingTest(ClusterCase):
    """All streams that there may be are taken."""

    settings = DEMO | {"live.streams_max": 1}

    def test_it_polls_where_there_is_no_stream(self):
        sale = self.cluster.create_sale(stock=9)
        port = self.cluster.instances[0].port
        taken = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.addCleanup(taken.close)
        taken.request("GET", f"/v1/sales/{sale}/events")
        self.assertEqual(taken.getresponse().status, 200)
        page = browser.Browser()
        self.addCleanup(page.close)
        page.open(f"http://127.0.0.1:{port}/shop/{sale}")
        page.wait_for_text("Updated every two seconds", "#live")
        page.find(".buy").click()
        page.wait_for_text("Bought. Thank you!", "#order-title")
        page.wait_for_text("8 left", ".stock")


@unittest.skipUnless(browser.has_browser(), "needs chromium, chromium-driver and python3-selenium")
class WithoutScriptsTest(ClusterCase):
    settings = DEMO

    def test_the_page_keeps_its_place(self):
        sale = self.cluster.create_sale(name="Friday drop")
        page = browser.Browser(scripts=False, width=360)
        self.addCleanup(page.close)
        page.open(f"http://127.0.0.1:{self.cluster.instances[0].port}/shop/{sale}?lang=de")
        self.assertEqual(page.find("h1").text, "Friday drop")
        self.assertIn("JavaScript", page.find("noscript").text)
        self.assertEqual(page.find(".stock").text, "Verfügbar")


if __name__ == "__main__":
    unittest.main()
