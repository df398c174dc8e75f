"""Whoever gives events their positions dies, freezes, or is two. (Every scenario of every kind ends with an audit of
the events; here they are what the fault is aimed at.)"""

import functools
import signal
import time

import fault_point
from scenario import Scenario, stopped

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
    Scenario("events/all-at-once", "SIGKILL of all instances and a restart of PostgreSQL", all_at_once, load_s=8),
]
