"""Whoever gives events their positions dies, freezes, or is two; and whoever is told of them is away, slow, or says no.
(Every scenario of every kind ends with an audit of the events; here they are what the fault is aimed at.)"""

import functools
import re
import signal
import time

import fault_point
import harness
import sinks
from scenario import Scenario, stopped
from tcp_proxy import BACK, TOWARDS, Cut

LAG = re.compile(r'^flashsale_events_sink_lag\{sink="rabbitmq"\} [1-9]', re.MULTILINE)
LEASE_S = 3.0  # whoever asks PostgreSQL for nothing for so long leads no more


def leader_of(stage):
    """The instance that was the last to lead, if it still runs."""
    rows = stage.query("SELECT leader FROM event_line")
    pid = rows[0][0].partition("-")[0] if rows else None
    return next((one for one in stage.instances if one.process is not None and str(one.process.pid) == pid), None)


def kill_sequencer_at(point, stage, chance):
    for _ in range(2):
        fault_point.arm(stage, point, passes=chance.randint(1, 30))
        victim = fault_point.wait_for_victim(stage)
        time.sleep(chance.uniform(0, 0.5))
        victim.start()


def kill_leader(stage, chance):
    for _ in range(3):
        victim = leader_of(stage) or chance.choice(stage.instances)
        victim.kill()
        time.sleep(chance.uniform(0, 1.0))
        victim.start()
        time.sleep(chance.uniform(0.2, 1.0))


def freeze_leader(stage, chance):
    """Past its lease: somebody else leads, and the first believes to when it wakes."""
    for _ in range(2):
        victim = leader_of(stage) or chance.choice(stage.instances)
        with stopped(victim.process.pid):
            time.sleep(LEASE_S + chance.uniform(0.5, 1.5))
        time.sleep(0.5)


def stop_in_numbering(stage, chance):
    """In the middle of its transaction, with the line locked: the server's time-out ends it."""
    fault_point.arm(stage, "events.before_number_commit", "sleep:7000", passes=chance.randint(1, 30))
    fault_point.wait_until_reached(stage)
    time.sleep(1.0)


def postgres_crashes(stage, chance):
    for _ in range(2):
        stage.postgres.crash()
        time.sleep(chance.uniform(0, 0.5))
        stage.postgres.start()
        time.sleep(chance.uniform(0.5, 1.0))


def all_at_once(stage, chance):
    """Everybody dies, and comes back to what is committed and has no position."""
    for instance in stage.instances:
        instance.kill()
    time.sleep(chance.uniform(0, 0.5))
    stage.postgres.process.end(signal.SIGINT)
    stage.postgres.start()
    for instance in stage.instances:
        instance.start()


# --- whoever is told ---

def rabbitmq_away(stage, chance):
    for _ in range(2):
        stage.broker.kill()
        time.sleep(chance.uniform(0.2, 1.5))
        stage.wait_told(stage.feed, *stage.hooks)
        stage.broker.start()
        time.sleep(chance.uniform(0, 1.0))


def rabbitmq_slow(stage, chance):
    stage.proxy.throttle(chance.randint(5_000, 30_000), TOWARDS, BACK)
    time.sleep(2.0)
    stage.wait_told(stage.feed, *stage.hooks)
    stage.proxy.mend()


def rabbitmq_refuses(stage, _):
    stage.broker.control("set_permissions", "flashsale", "", "", "")
    try:
        stage.broker.close_connections()
        stage.wait_error("403")
        stage.wait_told(stage.feed, *stage.hooks)
    finally:
        stage.broker.control("set_permissions", "flashsale", ".*", ".*", ".*")


def tells_of_lag(stage):
    return any(LAG.search(one.admin("GET", "/metrics").body.decode()) for one in stage.instances)


def rabbitmq_alarm(stage, _, kind):
    """Whoever looks is told by the sink's error, the log and the metrics; the others are told of events meanwhile."""
    set_alarm = getattr(stage.broker, f"set_{kind}_alarm")
    set_alarm(True)
    try:
        stage.wait_error(f"has blocked whoever publishes: low on {kind}")
        stage.wait_told(stage.feed, *stage.hooks)
        harness.wait_until(lambda: tells_of_lag(stage), 15, "no metric tells of events that wait")
        if not any(f"low on {kind}" in one.process.log_text() for one in stage.instances):
            raise harness.HarnessError("the log tells of no alarm")
    finally:
        set_alarm(False)


def rabbitmq_unheard(stage, chance):
    """It has all that was sent, and nobody hears so: all of that comes again."""
    told, repeats = stage.queue.history, stage.queue.history.repeats
    for _ in range(3):
        stage.proxy.black_hole(BACK)
        enough = told.events + 3
        stage.wait_felt(lambda: told.events >= enough, 20, "nothing is sent")
        time.sleep(chance.uniform(0, 0.7))
        stage.proxy.cut(chance.choice((Cut.RESET, Cut.FIN)))
        stage.proxy.mend()
        time.sleep(chance.uniform(0.3, 1.0))
    harness.wait_until(lambda: told.repeats > repeats, sinks.CAUGHT_UP_S, "nothing came twice")


def kill_between(stage, chance):
    """What was delivered is not written down: the next who leads delivers it again."""
    for _ in range(2):
        fault_point.arm(stage, "events.after_delivery", passes=chance.randint(1, 40))
        victim = fault_point.wait_for_victim(stage)
        time.sleep(chance.uniform(0, 0.5))
        victim.start()


def webhook_broken(stage, chance):
    """Hangs until it is given up, then takes some and breaks in all ways at the others."""
    stage.hook.what = lambda: "hang"
    stage.wait_told(stage.queue, stage.feed, stage.well_hook)
    stage.wait_parked()
    stage.hook.what = lambda: chance.choice((200, 200, 500, 429, "reset", "redirect"))
    stage.hook.ended.set()  # those who hang
    time.sleep(4.0)
    stage.wait_told(stage.queue, stage.feed, stage.well_hook)
    stage.hook.what = stage.hook.well
    stage.hook.ended.clear()
    stage.hasten()


TOLD = {"stage": sinks.make_stage, "check_after": sinks.check_told, "load_options": {"rate": 150}}

SCENARIOS = [
    Scenario("events/kill-before-positions", "SIGKILL of whoever numbers events, before that is committed",
             functools.partial(kill_sequencer_at, "events.before_number_commit"), stage=fault_point.make_stage,
             load_s=9),
    Scenario("events/kill-after-positions", "SIGKILL of whoever numbers events, as soon as that is committed",
             functools.partial(kill_sequencer_at, "events.after_number_commit"), stage=fault_point.make_stage,
             load_s=9),
    Scenario("events/kill-leader", "SIGKILL of whoever leads, three times", kill_leader, load_s=10),
    Scenario("events/freeze-leader", "SIGSTOP of whoever leads for longer than its lease, twice: two believe to lead",
             freeze_leader, load_s=14),
    Scenario("events/stop-in-numbering", "whoever numbers events stops in the middle of its transaction for 7 s",
             stop_in_numbering, stage=fault_point.make_stage, load_s=14),
    Scenario("events/postgres-crash", "PostgreSQL crashes twice while events are numbered", postgres_crashes,
             load_s=9),
    Scenario("events/rabbitmq-away", "SIGKILL of RabbitMQ twice; others are told meanwhile", rabbitmq_away, load_s=14,
             **TOLD),
    Scenario("events/rabbitmq-slow", "5 to 30 kB/s between flashsaled and RabbitMQ", rabbitmq_slow, load_s=8, **TOLD),
    Scenario("events/rabbitmq-refuses", "its rights are taken from the user that publishes, and given back",
             rabbitmq_refuses, load_s=14, **TOLD),
    Scenario("events/rabbitmq-alarm", "RabbitMQ blocks whoever publishes, for want of memory",
             functools.partial(rabbitmq_alarm, kind="memory"), load_s=14, **TOLD),
    Scenario("events/rabbitmq-disk-alarm", "RabbitMQ blocks whoever publishes, for want of disk",
             functools.partial(rabbitmq_alarm, kind="disk"), load_s=14, **TOLD),
    Scenario("events/rabbitmq-unheard", "what RabbitMQ confirms is lost with the connection, three times",
             rabbitmq_unheard, load_s=9, **TOLD),
    Scenario("events/kill-between", "SIGKILL of whoever tells, between an event and the note that it was told",
             kill_between, load_s=10,
             **TOLD | {"stage": functools.partial(fault_point.make_stage, make=sinks.SinksStage)}),
    Scenario("events/freeze-teller", "SIGSTOP of whoever tells for longer than its lease, twice: two tell the same",
             freeze_leader, load_s=14, **TOLD),
    Scenario("events/postgres-crash-told", "PostgreSQL crashes twice while sinks are told", postgres_crashes,
             load_s=9, **TOLD),
    Scenario("events/webhook-broken", "a webhook hangs, refuses, resets and redirects beside one that does not",
             webhook_broken, load_s=24, **TOLD),
    Scenario("events/all-at-once", "SIGKILL of all instances and a restart of PostgreSQL", all_at_once, load_s=8),
]
