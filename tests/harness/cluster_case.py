"""What end-to-end tests derive from."""

import sys
import time
import unittest

from .cluster import Cluster
from .surroundings import FRESH_MS, SLOWNESS


class ClusterCase(unittest.TestCase):
    """A test class with a cluster of its own, shown with its logs' tails when a test fails."""

    instances = 1
    settings = {}
    own_postgres = False
    nginx = False
    cluster: Cluster

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(cls.instances, cls.settings, cls.own_postgres, cls.nginx)

    @property
    def ports(self):
        return self.cluster.ports

    @classmethod
    def tearDownClass(cls):
        cls.cluster.stop()

    def run(self, result=None):
        before = (len(result.failures) + len(result.errors)) if result is not None else 0
        super().run(result)
        if result is not None and len(result.failures) + len(result.errors) > before:
            print(f"\n=== logs at the failure of {self.id()}\n{self.cluster.log_tails()}\n===", file=sys.stderr)

    def check_status(self, response, status, problem=None):
        """Compares the status, and for a problem also its name and that the document is complete."""
        self.assertEqual(response.status, status, repr(response))
        if problem is None:
            return response
        self.assertEqual((response.header("Content-Type") or "").split(";")[0], "application/problem+json",
                         repr(response))
        document = response.json()
        self.assertEqual(document["type"], f"/problems/{problem}", repr(response))
        self.assertEqual(document["status"], status, repr(response))
        self.assertTrue(document["title"], repr(response))
        self.assertTrue(document["detail"], repr(response))
        return response

    def check_fresh(self, probe, since, what, timeout_s=5):
        """`probe()` gives (sent_at, is_new). No probe that was sent more than FRESH_MS after `since` may be old."""
        deadline = time.time() + timeout_s * SLOWNESS
        while True:
            sent_at, is_new = probe()
            age_ms = (sent_at - since) * 1000
            if is_new:
                return
            self.assertLessEqual(age_ms, FRESH_MS * SLOWNESS, f"{what}: still the old state after {age_ms:.0f} ms")
            self.assertLess(time.time(), deadline, what)
            time.sleep(0.005)
