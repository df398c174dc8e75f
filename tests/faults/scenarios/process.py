"""Instances that are killed, stopped and replaced: at every step of an order, of a cancellation and of a rebuild."""

import contextlib
import functools
import http.client
import os
import pathlib
import signal
import threading
import time

import fault_point
import harness
from scenario import Scenario, Skip

# --- killed at a step ---


def trigger_nothing(stage):
    """The crowd comes by at every step of an order and of a cancellation."""


def flush(stage):
    stage.redis.client.flushall()


def kill_at(point, passes_max, away_max_s, trigger, stage, chance):
    """The longer it is away, the more of what it has left is finished by the other one, if there is one."""
    fault_point.arm(stage, point, passes=chance.randint(1, passes_max))
    trigger(stage)
    victim = fault_point.wait_for_victim(stage)
    time.sleep(chance.uniform(0.2, away_max_s))
    victim.start()


def kill_sweeper_at(point, stage, chance):
    """One dies with orders in hand; the other dies as it takes them over; the first finishes them."""
    fault_point.arm(stage, "checkout.before_submit", passes=chance.randint(1, 20))
    first = fault_point.wait_for_victim(stage)
    fault_point.arm(stage, point)
    second = fault_point.wait_for_victim(stage)
    first.start()
    time.sleep(chance.uniform(0.0, 0.5))
    second.start()


def killed(name, point, what, passes_max=1, trigger=trigger_nothing, whom="one of two", **more):
    return Scenario(f"process/kill-{name}", f"SIGKILL of {whom} {what}",
                    functools.partial(kill_at, point, passes_max, 1.0, trigger), stage=fault_point.make_stage, **more)


def killed_alone(name, *how, **more):
    return killed(f"alone-{name}", *how, whom="the only instance", instances=1, **more)


def killed_sweeper(name, point, what):
    return Scenario(f"process/kill-sweeper-{name}", f"SIGKILL of one of two; of the other {what}; then both start",
                    functools.partial(kill_sweeper_at, point), stage=fault_point.make_stage, load_s=9)


# A rebuilder's lease lives for 5 s after it.
REBUILD = {"trigger": flush, "redis_may_be_lost": True, "load_s": 10}

KILLED = [
    killed("reserved", "checkout.before_submit", "between the reservation's answer and the journal", 40),
    killed("submitted", "checkout.after_submit", "after an order was handed to the journal", 40),
    killed("before-begin", "journal.before_begin", "before BEGIN", 40),
    killed("rows-inserted", "journal.after_rows", "between COPY and the UPDATE of the item", 40),
    killed("before-commit", "journal.before_commit", "before COMMIT", 40),
    killed("after-commit", "journal.after_commit", "between COMMIT and its answers", 40),
    killed("before-answer", "checkout.before_answer", "with an answer in hand", 40),
    killed("before-trim", "checkout.before_trim", "before the log's entry is deleted", 40),
    killed("after-trim", "checkout.after_trim", "after the log's entry was deleted", 40),
    killed("cancelled", "cancel.before_release", "between a cancelled row and Redis", 4),
    killed("released", "cancel.after_release", "between the release in Redis and its mark in the row", 4),
    killed("before-raise", "rebuild.before_raise", "as it begins a rebuild", **REBUILD),
    killed("epoch-raised", "rebuild.epoch_raised", "in a rebuild, after the epoch was raised", **REBUILD),
    killed("fence-closed", "rebuild.fence_closed", "in a rebuild, after the fence was closed", **REBUILD),
    killed("log-drained", "rebuild.drained", "in a rebuild, after the log was drained", **REBUILD),
    killed("before-publish", "rebuild.before_publish", "in a rebuild, before it is published", **REBUILD),
    killed("published", "rebuild.published", "in a rebuild, after it was published", **REBUILD),
    killed_sweeper("before-submit", "sweeper.before_submit", "as it takes the first's orders over"),
    killed_sweeper("after-submit", "sweeper.after_submit", "after it has handed the first's orders to its journal"),
    killed_sweeper("before-trim", "sweeper.before_trim", "before it deletes an entry of the first's"),
    killed_alone("reserved", "checkout.before_submit", "between the reservation's answer and the journal", 40),
    killed_alone("before-commit", "journal.before_commit", "before COMMIT", 40),
    killed_alone("after-commit", "journal.after_commit", "between COMMIT and its answers", 40),
    killed_alone("before-trim", "checkout.before_trim", "before the log's entry is deleted", 40),
    killed_alone("released", "cancel.after_release", "between the release in Redis and its mark in the row", 4),
    killed_alone("fence-closed", "rebuild.fence_closed", "in a rebuild, after the fence was closed", **REBUILD),
]


# --- a correction that dies with the one who asked for it ---


def kill_with_correction(stage, chance):
    """PostgreSQL refuses orders that Redis has accepted: their records are released without their units, and the sale
    is to be corrected. The instances die before they begin to. Nobody buys in the sale any more, so no buyer and no
    DriftWatch meets what is missing in Redis."""
    sale = stage.create_sale(stock=1000)
    fault_point.arm(stage, "rebuild.before_raise", "sleep:3000")
    stage.set_stock(sale, 0)
    taken = []
    for number in range(chance.randint(1, 10)):
        where, customer = number % len(stage.instances), stage.new_customer()
        response = stage.buy(sale, customer, where=where, headers={"Prefer": "respond-async"})
        if response.status == 202:
            taken.append((response.json()["id"], customer, where))
    fault_point.wait_until_reached(stage)
    # One that is not refused yet would be sold when the stock is back.
    for order in taken:
        status = stage.wait_final(*order, may_be_unavailable=True)["status"]
        assert status == "rejected", status
    response = stage.admin("PATCH", f"/admin/v1/sales/{sale}", {"state": "paused"})
    assert response.status == 200, response
    for instance in stage.instances:
        instance.kill()
    stage.set_stock(sale, 1000)
    for instance in stage.instances:
        instance.start()
    stage.wait_consistent(sale)
    time.sleep(harness.FRESH_MS / 1000 * harness.SLOWNESS)  # the catalog may be so old
    assert stage.item(sale)["remaining"] == 1000, stage.item(sale)


# --- killed over a sale that is changed, or let go ---


def sell_some(stage, sale, chance):
    """Ids and customers."""
    orders = []
    for _ in range(chance.randint(1, 20)):
        customer = stage.new_customer()
        response = stage.buy(sale, customer)
        assert response.status == 201, response
        orders.append((response.json()["id"], customer))
    return orders


def check_kept(stage, orders, where):
    for order, customer in orders:
        document = harness.wait_until(lambda o=order, c=customer: stage.order(o, c, where).json().get("status"), 10,
                                      f"nothing is told of {order}")
        assert document == "confirmed", document


def kill_patcher(stage, chance):
    """PostgreSQL has the change, and Redis was not told: the other one tells it."""
    sale = stage.create_sale(stock=1000)
    orders = sell_some(stage, sale, chance)
    fault_point.arm(stage, "patch.before_push")

    def pause():
        with contextlib.suppress(OSError, http.client.HTTPException):
            stage.admin("PATCH", f"/admin/v1/sales/{sale}", {"state": "paused"})

    asker = threading.Thread(target=pause)
    asker.start()
    victim = fault_point.wait_for_victim(stage)
    asker.join()
    where = next(number for number, one in enumerate(stage.instances) if one is not victim)

    def is_paused():
        response = stage.buy(sale, stage.new_customer(), where=where)
        return response.status == 409 and response.json().get("state") == "paused"
    harness.wait_until(is_paused, 10, "the change is not carried out", 0.1)
    check_kept(stage, orders, where)
    time.sleep(chance.uniform(0.0, 1.0))
    victim.start()
    stage.wait_consistent(sale)
    check_kept(stage, orders, chance.randrange(2))


def kill_while_it_lets_go(point, stage, chance):
    """A closed sale is taken out of Redis; the other one goes on, and the sale keeps its orders."""
    sale = stage.create_sale(stock=1000)
    orders = sell_some(stage, sale, chance)
    response = stage.admin("PATCH", f"/admin/v1/sales/{sale}", {"state": "closed"})
    assert response.status == 200, response
    fault_point.arm(stage, point)
    victim = fault_point.wait_for_victim(stage, 30)
    where = next(number for number, one in enumerate(stage.instances) if one is not victim)
    check_kept(stage, orders, where)
    harness.wait_until(lambda: not stage.redis.client.keys(f"fs:{{{sale}}}*"), 40, f"{sale} is still in Redis", 0.2)
    victim.start()
    for number in range(2):
        harness.wait_until(lambda n=number: stage.admin("GET", f"/admin/v1/sales/{sale}", where=n).json()
                           .get("let_go") is True, 10, f"instance {number} does not know that it was let go")
        check_kept(stage, orders, number)
    stage.wait_consistent(sale)


def lets_go(name, point, what):
    return Scenario(f"process/kill-{name}", f"SIGKILL of one of two {what}",
                    functools.partial(kill_while_it_lets_go, point), stage=fault_point.make_stage, load_s=25,
                    settings={"retention.redis_keep_s": 1})


CHANGED = [
    Scenario("process/kill-patched", "SIGKILL of one of two between a changed sale's row and Redis", kill_patcher,
             stage=fault_point.make_stage, load_s=8),
    lets_go("letting-go", "retention.fence_closed", "that lets a closed sale go, after it has closed the fence"),
    lets_go("let-go", "retention.let_go", "that has let a closed sale go in PostgreSQL, and not in Redis"),
]


# --- stopped at a step ---


def stop_at(point, seconds, passes_max, trigger, stage, chance):
    fault_point.arm(stage, point, "stop", chance.randint(1, passes_max))
    trigger(stage)
    victim = fault_point.wait_for_stopped(stage)
    time.sleep(seconds)
    victim.process.send(signal.SIGCONT)


def stopped_at(name, point, seconds, what, passes_max=40, trigger=trigger_nothing, **more):
    return Scenario(f"process/stop-{name}", f"SIGSTOP of one of two for {seconds} s {what}",
                    functools.partial(stop_at, point, seconds, passes_max, trigger), stage=fault_point.make_stage,
                    load_s=seconds + 5, **more)


STOPPED = [
    stopped_at("in-transaction", "journal.before_commit", 3, "with an item's row locked"),
    stopped_at("in-transaction-long", "journal.before_commit", 30, "with an item's row locked", is_slow=True),
    stopped_at("reserved", "checkout.before_submit", 4, "between the reservation's answer and the journal"),
    stopped_at("rebuilder", "rebuild.before_publish", 7, "in a rebuild, before it is published", 1, flush,
               redis_may_be_lost=True, is_slow=True),
]


# --- ended and started again ---


def restart_gracefully(instance):
    code = instance.stop()
    assert code == 0, f"SIGTERM was answered with exit code {code}"
    instance.start()


def sigterm(stage, chance):
    restart_gracefully(chance.choice(stage.instances))


def roll(stage, chance):
    for instance in stage.instances:
        restart_gracefully(instance)
        time.sleep(chance.uniform(0.2, 0.5))


def sigkill(stage, chance):
    victim = chance.choice(stage.instances)
    victim.kill()
    time.sleep(chance.uniform(0.2, 1.0))
    victim.start()


def sigkill_all(stage, chance):
    for instance in stage.instances:
        instance.process.send(signal.SIGKILL)
    for instance in stage.instances:
        instance.kill()
    time.sleep(chance.uniform(0.0, 0.5))
    for instance in stage.instances:
        instance.start()


AS_SHIPPED = {"shutdown.delay_ms": 1000}

RESTARTED = [
    Scenario("process/sigterm", "SIGTERM of one of two, then started again", sigterm),
    Scenario("process/sigterm-behind-nginx", "the same behind NGINX; no request may fail", sigterm,
             through_nginx=True, failures_max=0, unavailable_max=0, settings=AS_SHIPPED),
    Scenario("process/rolling-restart", "SIGTERM and start of three, one by one, behind NGINX; no request may fail",
             roll, instances=3, load_s=10, through_nginx=True, failures_max=0, unavailable_max=0,
             settings=AS_SHIPPED),
    Scenario("process/sigkill", "SIGKILL of one of two", sigkill),
    Scenario("process/sigkill-behind-nginx", "SIGKILL of one of two behind NGINX; no request may fail", sigkill,
             through_nginx=True, failures_max=0),
    Scenario("process/sigkill-all", "SIGKILL of all instances at once", sigkill_all),
]


# --- an old version beside a new one ---


def old_and_new(scenario):
    """As a roll leaves them: the new version's schema, an old instance and a new one."""
    path = os.environ.get("FLASHSALED_OLD_BINARY")
    if not path:
        raise Skip("FLASHSALED_OLD_BINARY names no older binary; tests/faults/build_old_version COMMIT builds one")
    old = pathlib.Path(path).resolve()
    if not old.exists():
        raise Skip(f"FLASHSALED_OLD_BINARY: {old} is not there")
    if b"event_line" not in old.read_bytes():
        raise Skip(f"{old} is from before events had a line: it knows another schema, and cannot work beside this")
    stage = harness.Cluster(0, scenario.stage_settings, own_postgres=True)
    stage.old_binary = old
    stage.add_instance(binary=old)
    stage.add_instance()
    return stage


def replace_and_roll_back(stage, chance):
    for binary in (harness.BINARY, stage.old_binary):
        time.sleep(chance.uniform(0.5, 1.0))
        stage.instances[0].binary = binary
        restart_gracefully(stage.instances[0])


def old_one_dies(stage, chance):
    """What an old version leaves behind, a new one finishes; and the other way round."""
    for victim in chance.sample(stage.instances, 2):
        victim.kill()
        time.sleep(chance.uniform(0.2, 0.6))
        victim.start()


VERSIONS = [
    Scenario("process/roll-to-new-and-back", "an old version beside the new one is replaced by it, then rolled back",
             replace_and_roll_back, stage=old_and_new, load_s=8),
    Scenario("process/old-beside-new-killed", "SIGKILL of an old version beside the new one, and the other way round",
             old_one_dies, stage=old_and_new, load_s=8),
    Scenario("process/old-beside-new-flushall", "FLUSHALL with an old version beside the new one",
             lambda stage, chance: flush(stage), stage=old_and_new, redis_may_be_lost=True),
]


SCENARIOS = KILLED + CHANGED + STOPPED + RESTARTED + VERSIONS + [
    Scenario("process/kill-with-correction", "SIGKILL of all after PostgreSQL has refused what Redis had accepted, "
             "before the paused sale is corrected", kill_with_correction, stage=fault_point.make_stage, load_s=10),
]
