"""One fault, broken into a sale again and again: flashsale-load buys, the fault comes and goes, and the checker says
what became of the buyers.

A scenario is a stage (the servers that it needs) and an act (what breaks, and heals, while the crowd buys). It is
written as one `Scenario` in a file of tests/faults/scenarios; `matrix` runs them. Even rounds sell a stock that lasts,
odd ones a stock that runs out, so that both what is sold and the last unit meet the fault. In two of four rounds some
orders are carts.
"""

import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import random
import signal
import subprocess
import time
from collections.abc import Callable

import harness

RATE = 400        # arrivals a second: far under what a stage can serve, so that only the fault keeps buyers waiting
SETTLE_S = 20     # for retries and the audit, counted from the end of the load
LEAD_S = 1.0      # sold before the fault comes
MIX = {"retry_share": 0.1, "duplicate_share": 0.05, "greedy_share": 0.05, "reader_share": 0.05, "cancel_share": 0.05,
       "respond_async_share": 0.05}
CARTS = {"items": 3, "cart_share": 0.3}
UNITS_OF_CART_ITEM = 0.7 / 3 + 0.3 * 2.5 / 3  # that an arrival wants of each of them
RECOVERY_MAX_S = 30

_LOST = ("created_without_row", "accepted_without_row", "created_not_live", "cancelled_but_live", "paid_not_confirmed",
         "money_kept_without_unit", "paid_twice_not_refunded", "payment_forgotten")
_OVERSOLD = ("units_above_stock", "customer_above_limit")
_STRANDED = ("sold_is_not_live_units", "audit_inconsistent", "audit_disagrees", "unpaid_not_ended", "payment_open")


class Skip(Exception):
    """This machine cannot play the scenario; the text says why."""


@dataclasses.dataclass(frozen=True)
class Scenario:
    """`act(stage, chance)` breaks and mends; it returns when all that it broke is mended. `chance` is a seeded
    random.Random: moments and victims differ from round to round."""

    name: str                      # file/fault, as in "redis/flushall"
    how: str                       # how the fault is injected, for the table
    act: Callable
    load_s: int = 6                # the crowd buys so long; at least LEAD_S + the act + a second
    stage: Callable = None         # makes the harness.Cluster; None: a plain one of what follows
    instances: int = 2
    settings: dict = dataclasses.field(default_factory=dict)
    postgres_settings: dict = dataclasses.field(default_factory=dict)
    through_nginx: bool = False    # buyers come through NGINX, and no connection of theirs may break
    load_options: dict = dataclasses.field(default_factory=dict)  # of flashsale-load, besides or instead of the usual
    redis_may_be_lost: bool = False  # a 202 may be forgotten (P3)
    failures_max: int = None       # answers that may be broken connections or 5xx without a problem; None: any number
    unavailable_max: int = None    # answers that may be 503; None: any number
    scarcity: float = 0.55         # the units of odd rounds, for each arrival
    is_slow: bool = False          # not in the fast run
    check_after: Callable = None   # check_after(stage, result): more that has to hold; raises AssertionError

    def make_stage(self):
        if self.stage is not None:
            return self.stage(self)
        return harness.Cluster(self.instances, self.stage_settings, own_postgres=True, nginx=self.through_nginx,
                               postgres_settings=self.postgres_settings)

    @property
    def stage_settings(self):
        """Of the instances of a stage where the rate limit is not what is tried."""
        return {"rate_limit.enabled": False} | self.settings


@dataclasses.dataclass
class Record:
    """What one round gave."""

    scenario: str
    attempted: int = 0
    created: int = 0       # 201
    accepted: int = 0      # 202
    failed: int = 0        # connections that broke, answers that never came, 5xx that are no problem of ours
    lost: int = 0
    oversold: int = 0
    stranded: int = 0
    other_lies: int = 0
    recovery_s: float = 0.0
    wrong: list = dataclasses.field(default_factory=list)

    @property
    def passed(self):
        return not self.wrong


class Round:
    """One run of the load with the fault in its midst."""

    def __init__(self, stage, scenario, seed):
        self.stage = stage
        self.scenario = scenario
        self.seed = seed
        self.record = Record(scenario.name)
        self.output = ""

    def run(self):
        chance = random.Random(self.seed)
        out = self.stage.directory / "load.json"
        out.write_text("", encoding="ascii")
        probe_sale = self.stage.create_sale(stock=1_000_000)
        log = open(self.stage.directory / "load.log", "w+", encoding="utf-8", errors="replace")
        with log, subprocess.Popen(self._command(out), stdout=log, stderr=subprocess.STDOUT) as load:
            try:
                self._wait_for_orders(load, log)
                time.sleep(LEAD_S + chance.random() * 0.2)
                self.scenario.act(self.stage, chance)
                self._measure_recovery(probe_sale)
                code = load.wait(self.scenario.load_s + SETTLE_S + 60)
            except BaseException:
                load.kill()
                raise
            finally:
                log.seek(0)
                self.output = log.read()
        self._judge(code, out)
        self._note(check_events, self.stage)
        if self.scenario.check_after is not None and self.record.passed:
            self._note(self.scenario.check_after, self.stage, self.record)
        return self.record

    def _command(self, out):
        scenario = self.scenario
        rate = scenario.load_options.get("rate", RATE)
        sells_carts = self.seed % 4 in (1, 2) and "items" not in scenario.load_options
        scarcity = scenario.scarcity * (UNITS_OF_CART_ITEM if sells_carts else 1)
        stock = 1_000_000 if self.seed % 2 == 0 else int(rate * scenario.load_s * scarcity)
        options = MIX | (CARTS if sells_carts else {})
        options |= {"rate": rate, "seconds": scenario.load_s, "settle_s": SETTLE_S, "buyers": 20_000,
                    "create_stock": stock, "create_limit": 2, "seed": self.seed + 1, "json": out,
                    "orders": self.stage.directory / "orders"}
        options |= scenario.load_options
        command = harness.load_command(self.stage, **options)
        if scenario.through_nginx:
            command[command.index("--url") + 1] = f"http://127.0.0.1:{self.stage.nginx.port}"
            command.append("--behind-proxy")
        if scenario.redis_may_be_lost:
            command.append("--redis-may-be-lost")
        return command

    def _wait_for_orders(self, load, log):
        """The first progress line is a second of sale."""
        def is_selling():
            if load.poll() is not None:
                raise harness.HarnessError(f"flashsale-load ended with {load.returncode} before it sold")
            return " s, sale " in pathlib.Path(log.name).read_text(encoding="utf-8", errors="replace")
        harness.wait_until(is_selling, 20, "flashsale-load does not begin")

    def _measure_recovery(self, sale):
        """Until a buyer is sold something again at every instance, from the moment when the act has ended."""
        mended_at = time.monotonic()
        for number, instance in enumerate(self.stage.instances):
            def sells(number=number, port=instance.port):
                client = harness.Client(port, timeout_s=5)
                with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(client):
                    return self.stage.buy(sale, self.stage.new_customer(), client=client).status == 201
                return False
            try:
                harness.wait_until(sells, RECOVERY_MAX_S, f"instance {number + 1} sells nothing", 0.05)
            except harness.HarnessError as failure:
                self.record.wrong.append(str(failure))
        self.record.recovery_s = time.monotonic() - mended_at

    def _judge(self, code, out):
        record = self.record
        text = out.read_text(encoding="utf-8")
        if code not in (0, 1) or not text:
            record.wrong.append(f"flashsale-load ended with {code}")
            return
        result = json.loads(text)
        checkouts, check = result["checkouts"], result["check"]
        record.created = checkouts["created"]
        record.accepted = checkouts["accepted"]
        record.attempted = check["keys"]
        answered = ("created", "accepted", "replayed", "refused", "overloaded", "unavailable", "outcome_unknown",
                    "rate_limited", "not_sent")
        record.failed = sum(count for name, count in checkouts.items()
                            if isinstance(count, int) and name not in answered)
        for lie, finding in check["lies"].items():
            kind = ("lost" if lie in _LOST else "oversold" if lie in _OVERSOLD else
                    "stranded" if lie in _STRANDED else "other_lies")
            setattr(record, kind, getattr(record, kind) + finding["count"])
            record.wrong.append(f"{lie}: {finding['count']}, {finding['samples'][:2]}")
        if not check["settled"]:
            record.wrong.append(f"not settled after {check['settled_s']:.1f} s")
        if record.created == 0:
            record.wrong.append("nothing was sold")
        if "create_payment_window_s" in self.scenario.load_options and result["payments"]["confirmed"] == 0:
            record.wrong.append("nothing was paid")
        if self.scenario.failures_max is not None and record.failed > self.scenario.failures_max:
            record.wrong.append(f"{record.failed} requests failed: {checkouts}")
        unavailable = sum(checkouts[name] for name in ("overloaded", "unavailable", "outcome_unknown"))
        if self.scenario.unavailable_max is not None and unavailable > self.scenario.unavailable_max:
            record.wrong.append(f"{unavailable} requests were answered 503: {checkouts}")

    def _note(self, check, *arguments):
        try:
            check(*arguments)
        except AssertionError as failure:
            self.record.wrong.append(str(failure))


def check_events(stage):
    """Whatever has failed: each change was told, and no position is missing."""
    try:
        harness.wait_until(lambda: stage.query("SELECT count(*) FROM outbox WHERE position IS NULL") == [(0,)],
                           SETTLE_S, "events have no position")
    except harness.HarnessError as failure:
        raise AssertionError(str(failure)) from None
    audit = stage.flashsaled("events", "audit", timeout_s=60)
    assert audit.returncode == 0, f"events audit: {(audit.stdout + audit.stderr)[-600:]}"


@contextlib.contextmanager
def stopped(*pids):
    """SIGSTOP for the time of the block."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
