"""What the process does against its own mistakes, and what a crash leaves of its memory."""

import pathlib
import re
import resource
import unittest

from harness import ClusterCase


class CoreTest(ClusterCase):
    def core_limit(self, instance):
        limits = pathlib.Path(f"/proc/{instance.process.pid}/limits").read_text()
        return re.search(r"Max core file size\s+(\S+)", limits)[1]

    def with_cores(self, settings):
        """An instance that is started where cores are written."""
        before = resource.getrlimit(resource.RLIMIT_CORE)
        if before[1] == 0:
            self.skipTest("nobody may write cores here")
        resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
        try:
            return self.cluster.add_instance(settings)
        finally:
            resource.setrlimit(resource.RLIMIT_CORE, before)

    def test_a_crash_leaves_no_core(self):
        self.assertEqual(self.core_limit(self.with_cores({})), "0")

    def test_unless_it_is_told_to(self):
        self.assertNotEqual(self.core_limit(self.with_cores({"process.core_dumps": True})), "0")


if __name__ == "__main__":
    unittest.main()
