"""The browser of the tests itself: one that sees no error, no dark mode and no narrow window shows nothing."""

import http.server
import threading
import unittest

from harness import browser

PAGE = """<!doctype html><html lang="en"><title>Page</title>
<link rel="icon" href="data:,">
<style>@media (prefers-color-scheme: dark) { body { background: rgb(1, 2, 3) } } #wide { width: 700px }</style>
<p id="language">{language}</p><p id="wide">wide</p><button>Press</button>
<script>document.querySelector("button").onclick = () => { document.title = "pressed"; nothing.there(); };</script>
"""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.replace("{language}", self.headers.get("Accept-Language", "")).encode())

    def log_message(self, *_):
        pass


@unittest.skipUnless(browser.has_browser(), "needs chromium, chromium-driver and python3-selenium")
class BrowserTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.url = f"http://127.0.0.1:{cls.server.server_port}/"

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def start(self, **how):
        one = browser.Browser(**how)
        self.addCleanup(one.close)
        return one.open(self.url)

    def test_a_page_is_used_and_its_errors_are_seen(self):
        page = self.start(language="de")
        self.assertEqual(page.console(), [])
        self.assertTrue(page.text("#language").startswith("de"), page.text("#language"))
        page.press("\ue004", "\ue007")  # Tab, Enter
        page.wait(lambda: page.driver.title == "pressed", "the button was not pressed")
        self.assertIn("nothing is not defined", "".join(page.console()))

    def test_a_window_can_be_narrow_and_dark(self):
        page = self.start(width=360, dark=True)
        self.assertEqual(page.run("return window.innerWidth"), 360)
        self.assertGreater(page.overflow(), 300)
        self.assertEqual(page.run("return getComputedStyle(document.body).backgroundColor"), "rgb(1, 2, 3)")
        page.prefer(dark=False)
        self.assertNotEqual(page.run("return getComputedStyle(document.body).backgroundColor"), "rgb(1, 2, 3)")
        page.resize(1000)
        self.assertEqual(page.overflow(), 0)

    def test_scripts_can_be_off(self):
        page = self.start(scripts=False)
        page.find("button").click()
        self.assertEqual(page.driver.title, "Page")


if __name__ == "__main__":
    unittest.main()
