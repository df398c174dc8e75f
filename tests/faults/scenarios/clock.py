"""The wall clock of one instance is an hour off: neither who may buy nor how long anything takes depends on it. Redis's
is 40 s off, and sells all the same, without a doubt in what it counts.

What does depend on it, rightly, is whether a token has expired; flashsale-load's are good for six hours.
"""

import email.utils
import threading
import time

import harness
from faketime import ClockCluster
from scenario import Scenario, stopped
from shifted_clock import RedisClockCluster

HOUR_S = 3600
NEAR_S = 1200  # less than the step: to a clock that has made it, these moments lie on the other side


def step(offset_s):
    def act(stage, chance):
        now = time.time()
        sales = {
            "coming": stage.create_sale(starts_at=now + NEAR_S, ends_at=now + 2 * HOUR_S),
            "begun": stage.create_sale(starts_at=now - NEAR_S, ends_at=now + 2 * HOUR_S),
            "ending": stage.create_sale(starts_at=now - 2 * HOUR_S, ends_at=now + NEAR_S),
            "ended": stage.create_sale(starts_at=now - 2 * HOUR_S, ends_at=now - NEAR_S)}
        eager = stage.new_customer()
        use_up_rate(stage, eager)
        wait_across(stage, sales["begun"], lambda: stage.move_clock(offset_s))
        check_clock(stage, offset_s)
        check_rate(stage, eager)
        check_sales(stage, sales)
        stage.cut_sessions()  # connecting, too, is timed
        time.sleep(chance.uniform(0.2, 0.8))
        check_sales(stage, sales)
        wait_across(stage, sales["begun"], lambda: stage.move_clock(0))
        check_clock(stage, 0)
        check_sales(stage, sales)
    return act


def require(holds, what):
    if not holds:
        raise AssertionError(what)


def buy(stage, sale, customer=None, **headers):
    """At the instance in question, with a token that an hour more or less does not matter to."""
    customer = customer or stage.new_customer()
    token = stage.token(customer, exp=int(time.time()) + 6 * HOUR_S)
    client = stage.moved.client()
    try:
        return stage.buy(sale, customer, client=client, headers={"Authorization": f"Bearer {token}"} | headers)
    finally:
        client.close()


def check_clock(stage, offset_s):
    date = buy(stage, "no-such-sale").header("Date")
    offset = email.utils.parsedate_to_datetime(date).timestamp() - time.time()
    require(abs(offset - offset_s) < 60, f"the clock was to be {offset_s} s off, and is {offset:.0f} s off")


def check_sales(stage, sales):
    for name in ("coming", "ended"):
        answer = settled(lambda name=name: buy(stage, sales[name]))
        require(answer.problem == "sale-not-open", f"of a sale that is {name}: {answer!r}")
    for name in ("begun", "ending"):
        answer = settled(lambda name=name: buy(stage, sales[name]))
        require(answer.status in (201, 202), f"of a sale that is {name}: {answer!r}")
    states = {name: stage.sale(sale, where=1)["state"] for name, sale in sales.items()}
    require(states == {"coming": "scheduled", "begun": "open", "ending": "open", "ended": "closed"}, f"{states}")


def settled(ask):
    """503 says nothing about a sale: the stores may just have been taken from the instance."""
    def answer():
        one = ask()
        check_retry_after(one)
        return one if one.status != 503 else None
    return harness.wait_until(answer, 5, "503, and 503 again", 0.1)


def check_retry_after(answer):
    if answer.status in (202, 429, 503):
        seconds = int(answer.header("Retry-After"))
        require(0 <= seconds <= 10, f"Retry-After of {seconds} s: {answer!r}")


def wait_across(stage, sale, move):
    """A buyer waits a second for a PostgreSQL that is frozen; meanwhile the clock is moved."""
    answers = []
    buyer = threading.Thread(target=lambda: answers.append(timed(lambda: buy(stage, sale, Prefer="wait=1"))))
    with stopped(*harness.process_tree(stage.postgres.process.pid)):
        buyer.start()
        time.sleep(0.3)
        move()
        buyer.join(10)
    require(answers, "a buyer who would wait a second waits on")
    answer, took_s = answers[0]
    require(answer.status in (202, 503), f"without PostgreSQL: {answer!r}")
    require(took_s <= 5 * harness.SLOWNESS, f"answered after {took_s:.2f} s, not one")
    require(took_s >= 0.9 or answer.status == 503, f"answered after {took_s:.2f} s, not one")
    check_retry_after(answer)


def timed(call):
    began = time.monotonic()
    answer = call()
    return answer, time.monotonic() - began


def use_up_rate(stage, customer):
    for _ in range(3 * stage.settings["rate_limit.burst"]):
        if buy(stage, "no-such-sale", customer).status == 429:
            return
    raise AssertionError("no limit for an eager customer")


def check_rate(stage, customer):
    """What an hour would give is a full burst."""
    statuses = [buy(stage, "no-such-sale", customer) for _ in range(stage.settings["rate_limit.burst"])]
    refused = [answer for answer in statuses if answer.status == 429]
    require(refused, "the rate is forgotten")
    for answer in refused:
        check_retry_after(answer)


def check_times(stage, record):
    """Redis's clock says when an order was made."""
    wrong = stage.query("SELECT count(*) FROM orders WHERE created_at NOT BETWEEN now() - interval '50 minutes' "
                        "AND now() + interval '1 minute'")[0][0]
    require(wrong == 0, f"{wrong} of {record.attempted} orders were made at another hour")


# --- Redis's clock ---

STEP_S = 40


def alarms(stage):
    return [line for instance in stage.instances for line in instance.process.log_text().splitlines()
            if "drifted apart" in line]


def counted(stage, name):
    """Sum of a metric's values over labels and instances."""
    total = 0
    for instance in stage.instances:
        text = instance.admin("GET", "/metrics").body.decode()
        total += sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name + "{"))
    return total


def step_redis(*offsets_s):
    """Units come back, rest and are sold again, an instance dies with orders in hand, and the audit is asked all the
    while."""
    def act(stage, chance):
        sale = stage.create_sale(stock=1_000_000)  # a quick machine sells a thousand within a second
        scarce = stage.create_sale(stock=1)
        rebuilt = counted(stage, "flashsale_rebuilds_total")
        for offset_s in (*offsets_s, 0):
            sell_last_unit_again(stage, scarce)
            stage.move_clock(offset_s)
            until = time.monotonic() + 3 + chance.random()
            while time.monotonic() < until:
                bought = settled_buy(stage, sale)
                require(bought.status in (201, 202), f"nothing is sold: {bought!r}")
                stage.wait_consistent(sale, 2)
            sell_last_unit_again(stage, scarce)
        require(counted(stage, "flashsale_drift_units_total") == 0, f"an alarm for nothing: {alarms(stage)}")
        require(counted(stage, "flashsale_rebuilds_total") == rebuilt, "a sale was rebuilt for nothing")
    return act


def settled_buy(stage, sale):
    def answer():
        one = stage.buy(sale, stage.new_customer())
        return one if one.status != 503 else None
    return harness.wait_until(answer, 5, "503, and 503 again", 0.05)


def sell_last_unit_again(stage, sale):
    """It comes back, rests, and is sold within a second or two."""
    customer = stage.new_customer()

    def sold():
        one = stage.buy(sale, customer)
        return one if one.status == 201 else None
    order = harness.wait_until(sold, 5, "the last unit is not sold again", 0.05)
    harness.wait_until(lambda: stage.cancel(order.json()["id"], customer).status == 200, 5, "not cancelled", 0.05)


def die_and_step_back(stage, chance):
    """What a dead instance has taken is written by another, though its moment lies in the future."""
    sale = stage.create_sale(stock=100)
    customer = stage.new_customer()
    with stage.locked_items(sale):
        taken = settled(lambda: stage.buy(sale, customer, headers={"Prefer": "respond-async"}))
        require(taken.status == 202, f"{taken!r}")
        victim = stage.instances[0]
        victim.kill()
        stage.move_clock(-STEP_S)
    try:
        order = stage.wait_final(taken.json()["id"], customer, where=1, timeout_s=12, may_be_unavailable=True)
        require(order["status"] == "confirmed", f"{order}")
        stage.wait_consistent(sale, 5, where=1)
    finally:
        victim.start()
        stage.move_clock(0)


# --- a sale that ends by the clock ---


def end_sales(stage, chance):
    """The crowd's sale ends and goes on, three times; meanwhile small ones get their first order in their last moment,
    whose key comes to the other instance right afterwards."""
    of_crowd = "SELECT sale_id FROM sales WHERE sale_id LIKE 'load-%' ORDER BY created_at DESC LIMIT 1"
    crowd_sale = stage.query(of_crowd)[0][0]
    met = 0
    for _ in range(3):
        set_end(stage, crowd_sale, time.time() + chance.uniform(0.05, 0.3))
        met += sum(last_moment(stage, chance) for _ in range(3))
        time.sleep(chance.uniform(0, 0.3))
        set_end(stage, crowd_sale, time.time() + HOUR_S)
        time.sleep(chance.uniform(0.1, 0.3))
    require(met, "no order came before its sale ended")


def set_end(stage, sale, moment):
    answer = stage.admin("PATCH", f"/admin/v1/sales/{sale}", {"ends_at": harness.rfc3339(moment)})
    require(answer.status == 200, f"{sale} gets no other end: {answer!r}")


def last_moment(stage, chance):
    """1 if an order came in time."""
    ends_at = time.time() + 0.4
    sale, customer, first = stage.create_sale(ends_at=ends_at), stage.new_customer(), chance.randrange(2)
    respond = {"Prefer": "respond-async"} if chance.random() < 0.5 else {}
    time.sleep(max(0.0, ends_at - chance.uniform(0.02, 0.1) - time.time()))
    placed = stage.buy(sale, customer, "k", where=first, headers=respond)
    if placed.status not in (201, 202):
        return 0
    time.sleep(max(0.0, ends_at + chance.uniform(0, 0.05) - time.time()))
    order = placed.json()["id"]
    found = stage.order(order, customer, where=1 - first)
    require(found.status == 200, f"{order} of {sale} is not found: {found!r}")
    again = stage.buy(sale, customer, "k", where=1 - first)
    require(again.status == 200 and again.json()["id"] == order, f"the key of {order} of {sale}: {again!r}")
    return 1


SETTINGS = {"rate_limit.requests_per_s": 1, "rate_limit.burst": 20}

SCENARIOS = [
    Scenario("clock/forth", "libfaketime: one instance's wall clock goes an hour forth, then back", step(HOUR_S),
             load_s=10, stage=ClockCluster, settings=SETTINGS, check_after=check_times),
    Scenario("clock/redis-back", "Redis's wall clock goes 40 s back, then forth", step_redis(-STEP_S),
             load_s=12, stage=RedisClockCluster),
    Scenario("clock/redis-forth-and-back", "Redis's wall clock goes 40 s forth, 40 s behind, then right",
             step_redis(STEP_S, -STEP_S), load_s=18, stage=RedisClockCluster),
    Scenario("clock/redis-back-with-dead", "SIGKILL of one of two that has given a 202; Redis's clock goes 40 s back",
             die_and_step_back, load_s=14, stage=RedisClockCluster),
    Scenario("clock/back", "libfaketime: one instance's wall clock goes an hour back, then forth", step(-HOUR_S),
             load_s=10, stage=ClockCluster, settings=SETTINGS, check_after=check_times),
    Scenario("clock/sale-ends", "sales end by the clock while they sell, some with their first order in their last "
             "moment", end_sales, load_s=12),
]
