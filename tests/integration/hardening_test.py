"""What the process does against its own mistakes, and what a crash leaves of its memory."""

import contextlib
import os
import pathlib
import platform
import pwd
import re
import resource
import shutil
import subprocess
import tempfile
import time
import unittest

import harness
from harness import ClusterCase


def readelf(*options):
    return subprocess.run(["readelf", "--wide", *options, harness.BINARY], check=True, capture_output=True,
                          text=True).stdout


class BinaryTest(unittest.TestCase):
    """What cmake/flashsale.cmake asks of the compiler, in what came out."""

    def test_it_can_stand_anywhere(self):
        self.assertRegex(readelf("--file-header"), r"Type:\s+DYN")
        self.assertRegex(readelf("--dynamic"), r"\(FLAGS_1\).*\bPIE\b")

    def test_what_is_resolved_at_the_start_is_read_only(self):
        self.assertRegex(readelf("--dynamic"), r"\(FLAGS_1\).*\bNOW\b")
        self.assertIn("GNU_RELRO", readelf("--program-headers"))

    def test_the_stack_is_guarded_and_holds_no_code(self):
        self.assertIn("__stack_chk_fail", readelf("--dyn-syms"))
        stack = next(line for line in readelf("--program-headers").splitlines() if "GNU_STACK" in line)
        self.assertNotIn("E", stack.replace("GNU_STACK", ""))

    def test_bounds_are_checked(self):
        symbols = readelf("--dyn-syms")
        self.assertIn("__glibcxx_assert_fail", symbols)
        if not re.search(r"__[at]san_init", symbols):  # without optimisation there are none
            self.assertRegex(symbols, r"__mem(cpy|move)_chk")

    @unittest.skipUnless(platform.machine() == "x86_64", "of this kind of processor")
    def test_jumps_land_where_they_may(self):
        endbr64 = b"\xf3\x0f\x1e\xfa"
        self.assertGreater(pathlib.Path(harness.BINARY).read_bytes().count(endbr64), 1000)


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


class MemoryTest(unittest.TestCase):
    """Who may look into the memory: debuggers of the same user, and programs that the kernel hands cores to. In /proc
    the files of a process that keeps it private are root's, whoever it runs as."""

    @contextlib.contextmanager
    def waiting_server(self, settings):
        """One that is no root's process, in the seconds in which it waits for its stores."""
        user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o755)
            binary = shutil.copy(harness.BINARY, directory)
            nowhere = f"127.0.0.1:{harness.free_port()}"
            environment = harness.clean_environment() | harness.setting_environment({
                "jwt.secret": "s" * 40, "admin.tokens": f"{harness.ADMIN_NAME}:operator:{'0' * 64}",
                "redis.url": f"redis://{nowhere}", "postgres.url": f"postgresql://{nowhere}/nothing"} | settings)
            process = harness.Process("flashsaled-alone", [binary, "serve"], pathlib.Path(directory, "log"),
                                      env=environment, cwd=directory, user=user)
            try:
                yield process, user.pw_uid if user else os.getuid()
                process.wait(20)
                self.assertIn("refusing to start", process.log_text())
            finally:
                process.kill()

    @staticmethod
    def owner(process):
        return os.stat(f"/proc/{process.pid}/environ").st_uid

    def test_it_is_private(self):
        with self.waiting_server({}) as (process, user):
            harness.wait_until(lambda: self.owner(process) != user, 4, "debuggers of the same user may look in")

    def test_unless_it_is_told_to(self):
        with self.waiting_server({"process.core_dumps": True}) as (process, user):
            owners = []
            while process.exit_code is None:
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    owners.append(self.owner(process))
                time.sleep(0.05)
        # Before it is quite there, and when it has ended, it is root's.
        self.assertGreater(owners.count(user), len(owners) / 2)


if __name__ == "__main__":
    unittest.main()
