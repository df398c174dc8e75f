"""Checks the model of the protocol, tests/model/protocol.pml, with spin: every state that its bounds allow.

The protocol must hold, and each mutant, which is the model with one rule left out, must break the property named for
it: else the model would not see what the rule is for.

FLASHSALE_TEST_MODEL=full checks larger bounds too: about five minutes and 2 GB.

Run: /usr/bin/python3 tests/unit/protocol_model_test.py
"""

import collections
import os
import re
import shutil
import subprocess
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODEL = os.path.join(ROOT, "tests", "model", "protocol.pml")
FULL = os.environ.get("FLASHSALE_TEST_MODEL") == "full"
TIME_LIMIT_S = 900

# All states are stored whole; partial-order reduction would find nothing to leave out among global variables.
COMPILER = ["gcc", "-w", "-DSAFETY", "-DNOREDUCE"]
SHORT = ["-O1", "-DMEMLIM=2000"]
# Searched in the other order, which happens to meet the breaches sooner; so few states that compiling takes longest.
MUTANT = ["-O0", "-DMEMLIM=2000", "-DREVERSE"]
# A hash of 64 bits and more stands for each state: two that share one are not to be expected among some ten millions.
LARGE = ["-O2", "-DMEMLIM=6000", "-DHC4"]

# At most two of: a wipe, a crash, a cancel, a rebuild beside another's; order 0 is retried after its first request.
# Then the same with a limit for each customer and with both requests at once, at most one of them.
# And a standby that goes away, with a primary that is lost or not. Then a fence that somebody deletes, and rebuilds
# that fail.
A_STANDBY = "STANDBY EVENTS=2 WIPES=0 RACES=0 RETRIES_LATER"
REBUILDS_FAIL = "EVENTS=1 RETRIES_LATER WIPES=0 CRASHES=0 CANCELS=0 RACES=0 FENCE_DROPS=1 FAILURES=3"
# Then an order that is reserved again after a loss, and the end of a sale by the clock.
SHORT_BOUNDS = ["EVENTS=2 RETRIES_LATER", "EVENTS=1 LIMIT", A_STANDBY, REBUILDS_FAIL,
                "EVENTS=1 CRASHES=0 RACES=0 RESTS", "EVENTS=0 ENDS RETRIES_LATER"]
FULL_BOUNDS = [
    "EVENTS=2",
    "EVENTS=2 LIMIT",
    "EVENTS=2 RETRIES_LATER SWEEPERS=2",
    "EVENTS=3 RETRIES_LATER",
    "EVENTS=4 WIPES=2 CANCELS=0",
    "EVENTS=3 WIPES=0 CANCELS=2",
    "EVENTS=3 RETRIES_LATER SWEEPERS=2 RACES=0",
    "EVENTS=2 RETRIES_LATER FENCE_DROPS=1 FAILURES=2",
    "EVENTS=2 RESTS",
    "EVENTS=2 WIPES=0 ENDS RETRIES_LATER",
]

WIPE_AND_CANCEL = "EVENTS=2 RETRIES_LATER CRASHES=0 RACES=0"
# Mutant: (bounds, property that it breaks, what it leaves out)
MUTANTS = {
    "TRIM_BEFORE_COMMIT": ("EVENTS=1", "P5_records_match_rows", "R13: the log entry goes before the row is there"),
    "RELEASE_WITHOUT_STATE": ("EVENTS=1", "P1_redis_never_offers_what_is_taken", "R3: a release asks no state"),
    "REBUILD_WITHOUT_EPOCH": ("EVENTS=1", "P1_redis_never_offers_what_is_taken", "R1: a row is written at any epoch"),
    "REBUILD_LIVE_ROWS_ONLY": (WIPE_AND_CANCEL, "P4_no_refusal_after_promise", "R3: final rows are not loaded"),
    "REFUSE_BEFORE_REPLAY": ("EVENTS=1", "P4_no_refusal_after_promise", "R9: sold out before the key is looked up"),
    "CANCEL_WITHOUT_ROW": ("EVENTS=1", "P1_redis_never_offers_what_is_taken", "R4: an unwritten order gets no row"),
    "TRIM_BEFORE_CORRECTION": (WIPE_AND_CANCEL, "P5_stock_is_accounted_for",
                               "the entry goes before its correction has begun, and a later request replaces that"),
    "CANCELLED_WAIT_IS_DONE": (A_STANDBY, "P2_promised_order_stands",
                               "a COMMIT whose wait for the standby was cancelled is taken for done"),
    "CLEAR_WITHOUT_LOOK": ("EVENTS=2 RETRIES_LATER WIPES=0 CRASHES=0 CANCELS=0 FENCE_DROPS=1",
                           "P3_taken_order_is_written",
                           "logs are deleted although the epoch has moved on under whoever has drained them"),
    "DRAIN_RECENT_EPOCHS_ALONE": (REBUILDS_FAIL, "P5_nothing_unwritten",
                                  "only the fence and the newest epochs tell which logs are to be drained"),
    "TRIM_AFTER_FAILED_RELEASE": (WIPE_AND_CANCEL, "P5_records_match_rows",
                                  "the sweeper trims although the call that gives the unit back has failed"),
    "RESERVED_AGAIN_ANY_TIME": ("EVENTS=2 CRASHES=0 RACES=0 RESTS", "P4_refused_stays_refused",
                             "an order that Redis has lost is reserved again although its key has been refused since"),
    "OVER_BY_THE_CLOCK_NOW": ("EVENTS=0 ENDS RETRIES_LATER", "P4_no_refusal_after_promise",
                              "R9: no order as of the pulse, over as of now"),
}

Verdict = collections.namedtuple("Verdict", "states depth megabytes seconds complete broken")


class ProtocolModelTest(unittest.TestCase):
    def setUp(self):
        for program in ("spin", "gcc"):
            self.assertIsNotNone(shutil.which(program), f"{program} is not installed: scripts/install test")

    def run_in(self, folder, *command):
        return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=TIME_LIMIT_S, check=False)

    def check(self, bounds, options, mutant=None):
        """Runs the model and prints what it cost."""
        started = time.monotonic()
        settings = ["-D" + name for name in bounds.split() + ([mutant] if mutant else [])]
        with tempfile.TemporaryDirectory(prefix="flashsale-model.") as folder:
            made = self.run_in(folder, "spin", *settings, "-a", MODEL)
            self.assertEqual(0, made.returncode, made.stdout)
            compiled = self.run_in(folder, *COMPILER, *options, "-o", "pan", "pan.c")
            self.assertEqual(0, compiled.returncode, compiled.stdout)
            output = self.run_in(folder, os.path.join(folder, "pan"), "-m10000", "-w23").stdout
        verdict = self.read(output, time.monotonic() - started)
        print(f"{mutant or 'the protocol'}, {bounds}: {verdict.broken or 'holds'}; {verdict.states} states, "
              f"depth {verdict.depth}, {verdict.megabytes:.0f} MB, {verdict.seconds:.1f} s", flush=True)
        return verdict, output

    def read(self, output, seconds):
        def number(pattern):
            found = re.search(pattern, output)
            self.assertIsNotNone(found, output)
            return float(found.group(1))

        failed = re.search(r"^pan:1: (.*)$", output, re.MULTILINE)
        named = failed and re.search(r"\|\|(\w+)\) \(at depth", failed.group(1))
        complete = "Search not completed" not in output and "max search depth too small" not in output
        return Verdict(int(number(r"([0-9.e+]+) states, stored")), int(number(r"depth reached (\d+)")),
                       number(r"([0-9.]+)\s+total actual memory usage"), seconds, complete,
                       named.group(1) if named else failed and failed.group(1))

    def hold(self, bounds, options):
        verdict, output = self.check(bounds, options)
        self.assertIsNone(verdict.broken, output)
        self.assertTrue(verdict.complete, output)
        self.assertIn("errors: 0", output)

    def test_the_protocol_holds(self):
        for bounds in SHORT_BOUNDS:
            with self.subTest(bounds=bounds):
                self.hold(bounds, SHORT)

    @unittest.skipUnless(FULL, "FLASHSALE_TEST_MODEL=full")
    def test_the_protocol_holds_within_larger_bounds(self):
        for bounds in FULL_BOUNDS:
            with self.subTest(bounds=bounds):
                self.hold(bounds, LARGE)

    def test_every_mutant_is_caught(self):
        for mutant, (bounds, broken, _) in MUTANTS.items():
            with self.subTest(mutant=mutant):
                verdict, output = self.check(bounds, MUTANT, mutant)
                self.assertEqual(broken, verdict.broken, output)

    def test_every_mutant_of_the_model_is_checked(self):
        with open(MODEL, encoding="utf-8") as stream:
            switches = set(re.findall(r"^#ifn?def (\w+)", stream.read(), re.MULTILINE))
        settings = {"WIPES", "CRASHES", "CANCELS", "RACES", "EVENTS", "SWEEPERS", "LIMIT", "RETRIES_LATER",
                    "STANDBY", "FENCE_DROPS", "FAILURES", "RESTS", "ENDS"}
        self.assertEqual(settings | set(MUTANTS), switches)


if __name__ == "__main__":
    unittest.main()
