"""Whatever breaks elsewhere, while buyers pay: in time, too late, twice, in vain or never, and cancel before and after.

flashsale-load is the payment provider as well. It tells again what was not answered 200, and afterwards holds the money
against the orders; `check_money` looks once more, at everything that the stage has ever taken.
"""

import contextlib
import functools
import http.client
import time

import fault_point
import harness
import sentinel
from harness.payment_provider import make_secret
from money import check_money
from scenario import Scenario, stopped
from scenarios import backup, network, postgres, process
from scenarios import redis as redis_scenarios
from standby import ReplicatedCluster
from tcp_proxy import BACK, Cut

SECRET = make_secret()
WINDOW_S = 1
# A payment is a transaction of its own: the rate is lower than elsewhere, so that only the fault keeps them waiting.
RATE = 150
SETTLE_S = 10  # after the last fault (P5)
# The money of a 202 that Redis has lost goes back after so long: well before the check has waited enough.
PATIENCE_S = 4
PAYING = {"rate": RATE, "create_payment_window_s": WINDOW_S, "webhook_secret": SECRET, "settle_s": SETTLE_S,
          "pay_share": 0.35, "pay_late_share": 0.2, "pay_twice_share": 0.15, "pay_fail_share": 0.1,
          "cancel_share": 0.15}
SETTINGS = {"payments.webhook_secrets": SECRET, "payments.patience_s": PATIENCE_S}
MOSTLY_LATE = {"pay_share": 0.1, "pay_late_share": 0.6, "pay_twice_share": 0.1, "pay_fail_share": 0.05}
# A 202 is paid at once, often before it has a row.
OFTEN_EARLY = {"respond_async_share": 0.5}
# So few that late payments find none: what is given back is sold at once.
SOLD_OUT = {"create_stock": 80}
# A third of the arrivals' units are sold for good; with fewer the sale runs out while the fault is there.
SCARCITY = 0.3


def check_all_money(stage, _record):
    check_money(stage)


def paying(name, how, act, settings=None, load_options=None, check_after=check_all_money, **more):
    return Scenario(f"payments/{name}", how, act, settings=SETTINGS | (settings or {}),
                    load_options=PAYING | (load_options or {}), check_after=check_after,
                    **{"scarcity": SCARCITY} | more)


def sale_of_load(stage):
    """flashsale-load makes its sale after any other of the round."""
    return stage.query("SELECT sale_id FROM sales ORDER BY created_at DESC LIMIT 1")[0][0]


# --- killed at a step ---


def kill_two_at(point, stage, chance):
    """One dies with a late payment whose units it has taken; the other one on its way to the end of it."""
    fault_point.arm(stage, "payment.after_retake", passes=chance.randint(1, 5))
    first = fault_point.wait_for_victim(stage)
    fault_point.arm(stage, point)
    second = fault_point.wait_for_victim(stage)
    time.sleep(chance.uniform(0.0, 0.5))
    first.start()
    time.sleep(chance.uniform(0.0, 0.5))
    second.start()


def killed(name, point, what, passes_max=1, **more):
    return paying(f"kill-{name}", f"SIGKILL of one of two {what}, for up to 4.5 s",
                  functools.partial(process.kill_at, point, passes_max, 4.5, process.trigger_nothing),
                  stage=fault_point.make_stage, **{"load_s": 8} | more)


def killed_alone(name, point, what, passes_max=1, **more):
    return paying(f"kill-alone-{name}", f"SIGKILL of the only instance {what}",
                  functools.partial(process.kill_at, point, passes_max, 1.0, process.trigger_nothing),
                  stage=fault_point.make_stage, instances=1, **more)


def killed_in_turn(name, point, what):
    return paying(f"kill-two-{name}", f"SIGKILL of one of two with units taken again; of the other {what}",
                  functools.partial(kill_two_at, point), stage=fault_point.make_stage, load_s=9,
                  load_options=MOSTLY_LATE)


def killed_either_way(*how, **more):
    return [killed(*how, **more), killed_alone(*how, **more)]


KILLED = [
    killed("paid-before-commit", "payment.before_commit", "with a payment's transaction open", 40),
    *killed_either_way("paid", "payment.after_commit", "between a payment's COMMIT and its answer", 40),
    killed("expiring", "expiry.before_commit", "with the transaction open that ends orders", 3),
    *killed_either_way("expired", "expiry.after_commit", "between the COMMIT that ends orders and Redis", 3),
    killed("cancelling", "cancel.before_commit", "with a cancellation's transaction open", 5),
    *killed_either_way("ended", "cancel.before_release", "before it tells Redis of an order's end", 8),
    *killed_either_way("released", "cancel.after_release", "between the release in Redis and its mark in the row", 8),
    *killed_either_way("taken-again", "payment.after_retake", "between a late payment's units in Redis and PostgreSQL",
                       5, load_options=MOSTLY_LATE),
    killed("late-before-commit", "payment.before_late_commit", "with a late payment's transaction open", 5,
           load_options=MOSTLY_LATE),
    *killed_either_way("late-committed", "payment.after_late_commit", "after a late payment's COMMIT", 5,
                       load_options=MOSTLY_LATE),
    killed("late-before-trim", "payment.before_late_trim", "before a late payment's entry is deleted", 5,
           load_options=MOSTLY_LATE),
    killed("refunding", "payment.before_refund_commit", "with the transaction open that refuses a late payment", 5,
           load_options=MOSTLY_LATE | SOLD_OUT),
    *killed_either_way("refunded", "payment.after_refund_commit", "after the COMMIT that refuses a late payment", 5,
                       load_options=MOSTLY_LATE | SOLD_OUT),
    killed_in_turn("late-before-commit", "payment.before_late_commit", "with such a payment's transaction open"),
    killed_in_turn("late-before-trim", "payment.before_late_trim", "before such a payment's entry is deleted"),
]


# --- stock that changes meanwhile ---


def item_of_load(stage):
    sale = sale_of_load(stage)
    return sale, stage.query("SELECT min(sku) FROM item_stock WHERE sale_id = %s", (sale,))[0][0]


def stock_of(stage, item):
    return stage.query("SELECT stock FROM item_stock WHERE sale_id = %s AND sku = %s", item)[0][0]


def ask_for_stock(stage, item, delta, key, where):
    """None: it is not known what became of it."""
    sale, sku = item
    with contextlib.suppress(OSError, http.client.HTTPException):
        answer = stage.admin("POST", f"/admin/v1/sales/{sale}/items/{sku}/stock", {"add": delta},
                             {"Idempotency-Key": key}, where)
        if answer.status not in (200, 503):
            raise AssertionError(f"a change of stock by {delta}: {answer!r}")
        return answer if answer.status == 200 else None
    return None


def insist_on_stock(stage, item, delta, key, where):
    """As a careful merchant does: the same key until it is known."""
    harness.wait_until(lambda: ask_for_stock(stage, item, delta, key, where), 20,
                       f"stock is not changed by {delta}", 0.1)


def kill_at_stock_change(point, delta, away_max_s, stage, chance):
    """What was begun comes to its end by itself, and asking again changes nothing."""
    item = item_of_load(stage)
    due = stock_of(stage, item) + delta
    key = f"{point}-{chance.random()}"
    fault_point.arm(stage, point)
    ask_for_stock(stage, item, delta, key, chance.randrange(len(stage.instances)))
    victim = fault_point.wait_for_victim(stage)
    time.sleep(chance.uniform(0.2, away_max_s))
    victim.start()
    harness.wait_until(lambda: stock_of(stage, item) == due, 10, "nobody finishes a change of stock", 0.1)
    for where in range(len(stage.instances)):
        insist_on_stock(stage, item, delta, key, where)
    assert stock_of(stage, item) == due, f"stock is {stock_of(stage, item)}, not {due}"


def change_stock_amid(break_once):
    """Units are added and withdrawn while something breaks between, and during, the changes."""
    def act(stage, chance):
        item = item_of_load(stage)
        due = stock_of(stage, item)
        for number, delta in enumerate((30, -7, 20, -5)):
            break_once(stage)
            time.sleep(chance.uniform(0.0, 0.3))
            insist_on_stock(stage, item, delta, f"change-{chance.random()}", number % len(stage.instances))
            due += delta
        assert stock_of(stage, item) == due, f"stock is {stock_of(stage, item)}, not {due}"
    return act


def forget_fence(stage):
    """All else that Redis holds survives, the pending log too."""
    stage.redis.client.delete(f"fs:{{{sale_of_load(stage)}}}")


def killed_with_stock(name, point, delta, what):
    """Enough for withdrawals in odd rounds, too."""
    add = functools.partial(paying, stage=fault_point.make_stage, load_s=10, scarcity=0.6)
    return [add(f"kill-{name}", f"SIGKILL of one of two {what}, for up to 4.5 s",
                functools.partial(kill_at_stock_change, point, delta, 4.5)),
            add(f"kill-alone-{name}", f"SIGKILL of the only instance {what}",
                functools.partial(kill_at_stock_change, point, delta, 1.0), instances=1)]


STOCK = [
    *killed_with_stock("added", "stock.before_push", 25, "between added stock's COMMIT and Redis"),
    *killed_with_stock("add-pushed", "stock.after_push", 25, "when Redis, too, has added stock"),
    *killed_with_stock("withdrawn", "withdrawal.taken", -7, "between a withdrawal in Redis and PostgreSQL"),
    *killed_with_stock("withdrawal-written", "withdrawal.written", -7, "between a withdrawal's COMMIT and its entry"),
    paying("stock-amid-flushall", "FLUSHALL before each of four changes of stock", change_stock_amid(process.flush),
           load_s=10, redis_may_be_lost=True, scarcity=0.6),
    paying("stock-amid-rebuilds", "the fence is deleted before each of four changes of stock",
           change_stock_amid(forget_fence), load_s=10, scarcity=0.6),
]


# --- stopped ---


def stop_at(point, seconds, passes_max=1):
    return functools.partial(process.stop_at, point, seconds, passes_max, process.trigger_nothing)


def stopped_at(name, point, seconds, what, passes_max=1, **more):
    return paying(f"stop-{name}", f"SIGSTOP of one of two for {seconds} s {what}", stop_at(point, seconds, passes_max),
                  stage=fault_point.make_stage, load_s=seconds + 4, **more)


def stop_all(stage, chance):
    """Orders' time ends with nobody there to end them, and the first thing that comes is late payments."""
    with stopped(*(instance.process.pid for instance in stage.instances)):
        time.sleep(chance.uniform(WINDOW_S + 0.5, WINDOW_S + 2.5))


STOPPED = [
    paying("stop-all", "SIGSTOP of both for 1.5 to 3.5 s: longer than the time to pay", stop_all, load_s=7),
    stopped_at("expiring", "expiry.before_commit", 3, "with the orders locked that it ends", 2),
    stopped_at("expired", "expiry.after_commit", 4, "between the COMMIT that ends orders and Redis", 2,
               load_options=MOSTLY_LATE),
    # Long enough for the other one to release, and to take again: then it releases the first generation once more.
    stopped_at("ended", "cancel.before_release", 5, "before it tells Redis of an order's end", 8,
               load_options=MOSTLY_LATE),
    stopped_at("taken-again", "payment.after_retake", 5, "between a late payment's units in Redis and PostgreSQL", 5,
               load_options=MOSTLY_LATE),
    stopped_at("late-committing", "payment.before_late_commit", 3, "with a late payment's transaction open", 5,
               load_options=MOSTLY_LATE),
    stopped_at("refunding", "payment.before_refund_commit", 3, "with the transaction open that refuses a late payment",
               5, load_options=MOSTLY_LATE | SOLD_OUT),
]


# --- ended ---

ENDED = [
    paying("sigkill-all", "SIGKILL of all instances at once", process.sigkill_all),
    paying("rolling-restart", "SIGTERM and start of three, one by one, behind NGINX; no request may fail",
           process.roll, instances=3, load_s=10, through_nginx=True, failures_max=0, unavailable_max=0,
           settings=process.AS_SHIPPED),
    paying("answers-lost", "an answer, a provider's too, never arrives, RST, for 3 s",
           network.cut_in_the_midst(network.doors, BACK, one_in=20, part=0), stage=network.DOORS),
]


# --- Redis ---


def rebuild_amid_late_payments(stage, chance):
    """What was taken again is in the log that the rebuild drains; more comes while it lasts."""
    for _ in range(3):
        fault_point.arm(stage, chance.choice(("rebuild.epoch_raised", "rebuild.drained", "rebuild.before_publish")),
                        f"sleep:{chance.randint(100, 900)}")
        forget_fence(stage)
        fault_point.wait_until_reached(stage)
        time.sleep(chance.uniform(0.5, 1.5))


def die_rebuilding(point, stage, chance):
    fault_point.arm(stage, point)
    forget_fence(stage)
    victim = fault_point.wait_for_victim(stage)
    time.sleep(chance.uniform(0.2, 1.0))
    victim.start()


def lose_what_is_paid(stage, chance):
    """The journal cannot write what Redis forgets: money has come for orders that never were."""
    with postgres.foreign_session(stage) as cursor:
        postgres.lock_items(stage, cursor)
        time.sleep(chance.uniform(0.5, 1.0))
        redis_scenarios.flush(stage, chance)
        time.sleep(chance.uniform(0.1, 0.5))


OF_REDIS = [
    paying("redis-killed", "SIGKILL of Redis, restart on its AOF (everysec)", redis_scenarios.kill,
           redis_may_be_lost=True),
    paying("redis-flushall", "FLUSHALL", redis_scenarios.flush, redis_may_be_lost=True),
    paying("redis-flushall-repeated", "five FLUSHALLs, 20 to 500 ms apart, most payments late",
           redis_scenarios.flush_repeatedly, load_s=8, redis_may_be_lost=True, load_options=MOSTLY_LATE),
    paying("redis-aof-cut-short", "SIGKILL of Redis, up to 60 KB off the end of the AOF, restart",
           redis_scenarios.cut_the_log_short, redis_may_be_lost=True, load_options=MOSTLY_LATE),
    paying("redis-flushall-early", "FLUSHALL while many pay before their orders are written",
           lose_what_is_paid, load_s=8, redis_may_be_lost=True, load_options=OFTEN_EARLY),
    paying("redis-older", "SIGKILL of Redis, the AOF of 0.5 to 2 s before put back", backup.older_redis, load_s=8,
           redis_may_be_lost=True, load_options=MOSTLY_LATE),
    paying("redis-frozen", "SIGSTOP of Redis for 0.3 to 2.5 s", redis_scenarios.freeze, load_s=7),
    paying("redis-read-only", "REPLICAOF a dead master for 0.05 to 2 s, REPLICAOF NO ONE",
           redis_scenarios.make_replica, load_s=8, redis_may_be_lost=True),
    paying("redis-back-by-hand", "REPLICAOF a server that lags, then NO ONE: last writes lost",
           sentinel.back_by_hand, load_s=7, stage=sentinel.Stage, redis_may_be_lost=True, load_options=MOSTLY_LATE),
    paying("redis-failover", "SIGKILL of a master under three Sentinels; it comes back as a replica",
           sentinel.kill_master, load_s=16, stage=sentinel.Stage, redis_may_be_lost=True, is_slow=True),
    paying("redis-split", "failover by Sentinel to a replica that lags, one instance still on the old master",
           sentinel.split, load_s=18, stage=sentinel.Stage, redis_may_be_lost=True, is_slow=True),
    paying("rebuild", "the fence is deleted thrice, and the rebuild dawdles, while most payments come late",
           rebuild_amid_late_payments, load_s=10, stage=fault_point.make_stage, load_options=MOSTLY_LATE),
    paying("rebuild-kill-epoch-raised", "SIGKILL of one of two in such a rebuild, after the epoch was raised",
           functools.partial(die_rebuilding, "rebuild.epoch_raised"), load_s=10, stage=fault_point.make_stage,
           load_options=MOSTLY_LATE),
    paying("rebuild-kill-drained", "SIGKILL of one of two in such a rebuild, after the log was drained",
           functools.partial(die_rebuilding, "rebuild.drained"), load_s=10, stage=fault_point.make_stage,
           load_options=MOSTLY_LATE),
]


# --- PostgreSQL ---


def fail_payments(stage, chance):
    with postgres.trigger(stage, "TRIGGER trip BEFORE UPDATE ON payment_events",
                          postgres.raised("40P01", chance.uniform(0.3, 0.7))):
        time.sleep(1)
    with postgres.trigger(stage, "CONSTRAINT TRIGGER trip AFTER UPDATE ON payment_events DEFERRABLE INITIALLY DEFERRED"
                          " FOR EACH ROW", postgres.raised("40001", chance.uniform(0.3, 0.7))):
        time.sleep(1)


def cut_payments(arrives):
    return network.cut_during_commit(Cut.RESET, arrives, seconds=3, sessions_min=2, whose=b"payments-")


def cut_expiries(arrives):
    """Of orders' ends and of late payments that others have left."""
    return network.cut_during_commit(Cut.RESET, arrives, seconds=3, sessions_min=1, whose=b"payment-sweeper")


OF_POSTGRES = [
    paying("postgres-restart", "fast shutdown of PostgreSQL (SIGINT), started again", postgres.restart),
    paying("postgres-crash", "immediate shutdown of PostgreSQL (SIGQUIT), started again", postgres.crash),
    paying("postgres-backend-killed", "SIGKILL of a backend that writes payments, twice: crash recovery",
           postgres.kill_backend("payments-%"), load_s=7),
    paying("postgres-sweeper-killed", "SIGKILL of a backend that ends orders, twice: crash recovery",
           postgres.kill_backend("payment-sweeper%"), load_s=7),
    paying("postgres-sessions", "pg_terminate_backend of all sessions, eight times", postgres.terminate_sessions),
    paying("postgres-frozen", "SIGSTOP of all of PostgreSQL's processes for 1 to 4 s", postgres.freeze, load_s=8),
    paying("postgres-row-locked", "a session holds the item's row for 2 to 3 s: 202s are paid before they are written",
           postgres.lock_row, load_s=7, load_options=OFTEN_EARLY),
    paying("postgres-failures", "triggers raise 40P01, then 40001 at COMMIT, in 3 to 7 of 10 payments, 2 s",
           fail_payments),
    paying("commit-never-arrives", "payments' sessions are cut off before COMMIT is handed on, RST, for 3 s",
           cut_payments(arrives=False), load_s=7, stage=network.POSTGRES),
    paying("commit-answer-lost", "payments' sessions are cut off when COMMIT is answered, RST, for 3 s",
           cut_payments(arrives=True), load_s=7, stage=network.POSTGRES),
    paying("expiry-commit-lost", "the same of sessions that end orders", cut_expiries(arrives=True), load_s=7,
           stage=network.POSTGRES),
    paying("postgres-failover", "the primary is killed, its synchronous standby promoted", postgres.fail_over,
           load_s=9, stage=ReplicatedCluster),
    paying("postgres-failover-in-doubt", "the standby crashes, sessions whose COMMITs wait for it are terminated, then "
           "the primary is killed and the standby promoted", postgres.fail_over_after_doubt, load_s=9,
           stage=ReplicatedCluster),
]


# --- rows that somebody has locked ---


def hold_orders(stage, chance, cursor, condition):
    """Locks one to three of the sale's orders; their ids."""
    def locked():
        cursor.execute(f"SELECT order_id FROM orders WHERE sale_no = {postgres.SALE_OF_LOAD} AND {condition} "
                       "ORDER BY random() LIMIT %s FOR UPDATE SKIP LOCKED", (chance.randint(1, 3),))
        return [order_id for order_id, in cursor.fetchall()]
    return harness.wait_until(locked, 5, f"no order is {condition}")


def nothing_else_waits(stage, held, condition):
    """While the rows are held all others get on: at one look none that is two seconds overdue is left."""
    def others_are_done():
        others = stage.query(f"SELECT 1 FROM orders WHERE {condition} AND NOT order_id = ANY (%s::uuid[]) LIMIT 1",
                             (held,))
        return not others
    harness.wait_until(others_are_done, 10, f"orders wait with one that is locked: {condition}")


def lock_unpaid_orders(stage, chance):
    with postgres.foreign_session(stage) as cursor:
        held = hold_orders(stage, chance, cursor, "status = 2")
        time.sleep(WINDOW_S + chance.uniform(1.5, 2.5))
        nothing_else_waits(stage, held, "status = 2 AND expires_at < now() - interval '2 s'")


def lock_unreturned_orders(stage, chance):
    """Redis is away for a moment, so that units wait to be given back; some of their orders are locked then."""
    stage.redis.pause()
    with postgres.foreign_session(stage) as cursor:
        try:
            time.sleep(chance.uniform(1.5, 2.5))
            held = hold_orders(stage, chance, cursor, "given_back = false")
        finally:
            stage.redis.resume()
        time.sleep(chance.uniform(5, 6))
        nothing_else_waits(stage, held, "given_back = false AND changed_at < now() - interval '4 s'")


def lock_item_of_another(stage, chance):
    """An item's row of a sale that nobody buys from is held, with an unpaid order in it that is overdue."""
    sale = stage.create_sale(stock=10, payment="required", payment_window_s=1)
    stage.buy(sale, stage.new_customer())
    held = stage.sale_no(sale)
    with postgres.foreign_session(stage) as cursor:
        cursor.execute("SELECT FROM items JOIN sales USING (sale_no) WHERE sale_id = %s FOR UPDATE OF items", (sale,))
        time.sleep(WINDOW_S + chance.uniform(5, 6))
        nothing_else_waits(stage, [], f"status = 2 AND expires_at < now() - interval '3 s' AND sale_no <> {held}")


HELD = [
    paying("order-locked-unpaid", "a session holds one to three unpaid orders until long after their time",
           lock_unpaid_orders, load_s=8),
    paying("order-locked-unreturned", "a session holds one to three orders whose units Redis was not told of",
           lock_unreturned_orders, load_s=14),
    paying("item-locked-elsewhere", "a session holds the item of another sale, with an unpaid order that is overdue",
           lock_item_of_another, load_s=12),
]


SCENARIOS = HELD + KILLED + STOCK + STOPPED + ENDED + OF_REDIS + OF_POSTGRES
