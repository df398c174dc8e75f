"""A real browser: Chromium without a window, in a profile of its own, as a person has it who comes for the first time.

Needs Debian's chromium, chromium-driver and python3-selenium (scripts/install browser). Screenshots are kept in
build/test-logs.
FLASHSALE_TEST_AXE names the script of axe-core, which looks for what keeps people from using a page; where it is not
set, `check_accessibility` says that it cannot.
"""

import atexit
import contextlib
import os
import pathlib
import shutil
import signal
import tempfile
import unittest

from .directory import run_directory
from .ports import free_port
from .processes import Process, process_tree
from .surroundings import ROOT, SLOWNESS, HarnessError
from .waiting import wait_until

AXE = os.environ.get("FLASHSALE_TEST_AXE")
SCREENSHOTS = ROOT / "build" / "test-logs"
DRIVER = "chromedriver"

try:
    from selenium import webdriver
    from selenium.webdriver.chromium.remote_connection import ChromiumRemoteConnection
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
except ImportError:
    webdriver = None


def has_browser():
    return webdriver is not None and shutil.which(DRIVER) is not None


class Browser:
    """One window. `width` and `height` are those of the page; `language` is what it asks for (Accept-Language)."""

    def __init__(self, width=1280, height=900, language="en", dark=False, reduced_motion=False, scripts=True):
        if not has_browser():
            raise HarnessError("no browser: scripts/install browser")
        self._home = pathlib.Path(tempfile.mkdtemp(prefix="browser-", dir=run_directory()))
        port = free_port()
        self._process = Process(f"{DRIVER}:{port}", [DRIVER, f"--port={port}"], self._home / "driver.log",
                                env=os.environ | {"HOME": str(self._home), "no_proxy": "*"})
        self.driver = None
        atexit.register(self.close)
        wait_until(lambda: "started successfully" in self._process.log_text(), 30, f"{DRIVER} does not start")
        self.driver = webdriver.Remote(
            ChromiumRemoteConnection(f"http://127.0.0.1:{port}", "goog", "chrome", ignore_proxy=True),
            options=self._options(language, scripts))
        self.driver.set_page_load_timeout(30 * SLOWNESS)
        self.resize(width, height)
        self.prefer(dark, reduced_motion)

    def _options(self, language, scripts):
        options = webdriver.ChromeOptions()
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                     "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--no-first-run",
                     "--no-proxy-server", "--hide-scrollbars", f"--user-data-dir={self._home / 'profile'}"):
            options.add_argument(flag)
        options.add_experimental_option("prefs", {
            "intl.accept_languages": language, "intl.selected_languages": language,
            "profile.managed_default_content_settings.javascript": 1 if scripts else 2})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        return options

    def _tell(self, command, **parameters):
        """Chromium's own protocol."""
        return self.driver.execute("executeCdpCommand", {"cmd": command, "params": parameters})["value"]

    def resize(self, width, height=900):
        self._tell("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def prefer(self, dark=False, reduced_motion=False):
        self._tell("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if reduced_motion else "no-preference"}])

    def go_offline(self, offline=True):
        self._tell("Network.enable")
        self._tell("Network.emulateNetworkConditions", offline=offline, latency=0, downloadThroughput=-1,
                   uploadThroughput=-1)

    def open(self, url):
        self.driver.get(url)
        return self

    def run_before_pages(self, script):
        """In each document from now on, before any script of its own."""
        self._tell("Page.addScriptToEvaluateOnNewDocument", source=script)

    @contextlib.contextmanager
    def other_tab(self):
        """A new one in front; in the end the one that was there is in front again."""
        before = self.driver.current_window_handle
        self.driver.switch_to.new_window("tab")
        try:
            yield self
        finally:
            self.driver.close()
            self.driver.switch_to.window(before)

    def find(self, selector):
        """The first element of a CSS selector; None where there is none."""
        found = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return found[0] if found else None

    def find_all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector="body"):
        """What a person reads there; empty where it does not stand, or is made anew at this moment."""
        return self.run("const found = document.querySelector(arguments[0]); return found ? found.innerText : '';",
                        selector)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition, message, timeout_s=20):
        """Until `condition()` is truthy; tells what the page shows when it does not come to that."""
        try:
            return wait_until(condition, timeout_s, message)
        except HarnessError as failure:
            picture = self.screenshot("failed")
            raise AssertionError(f"{message}; {picture}: {self.text()!r}; {self.console()}") from failure

    def wait_for_text(self, text, selector="body", timeout_s=20):
        self.wait(lambda: text in self.text(selector), f"{selector} does not say {text!r}", timeout_s)

    def press(self, *keys):
        """As on a keyboard, to whatever has the focus."""
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def focused(self):
        return self.driver.switch_to.active_element

    def screenshot(self, name):
        """Of all of the page, whatever the window shows of it."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.driver.save_screenshot(str(path))
        return path

    def console(self):
        """What the page's scripts, and the browser about them, have said since the last call: warnings and errors."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("WARNING", "SEVERE")]

    def overflow(self):
        """By how many pixels the page is wider than the window."""
        return self.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth;")

    def check_accessibility(self):
        """What axe-core finds wrong, a line for each kind. Skips the test where it is not to be had."""
        if not AXE:
            raise unittest.SkipTest("axe-core is not here: FLASHSALE_TEST_AXE")
        self.driver.execute_script(pathlib.Path(AXE).read_text(encoding="utf-8"))
        found = self.driver.execute_async_script(
            "const done = arguments[0]; axe.run().then(done, (error) => done({violations: [{id: String(error)}]}));")
        return [f"{each['id']}: {each.get('help')}: " + "; ".join(node["html"] for node in each.get("nodes", []))
                for each in found["violations"]]

    def close(self):
        """Ends it, and whatever of it should be left."""
        atexit.unregister(self.close)
        tree = process_tree(self._process.pid) if self._process.exit_code is None else []
        if self.driver is not None:
            with contextlib.suppress(Exception):  # its process may be gone
                self.driver.quit()
            self.driver = None
        self._process.end(signal.SIGTERM, 5)
        for pid in reversed(tree):
            with contextlib.suppress(OSError):
                if str(self._home) in pathlib.Path("/proc", str(pid), "cmdline").read_text(errors="replace"):
                    os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self._home, ignore_errors=True)
