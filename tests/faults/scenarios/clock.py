"""The wall clock of one instance is an hour off: neither who may buy nor how long anything takes depends on it.

What does depend on it, rightly, is whether a token has expired; flashsale-load's are good for six hours.
"""

import email.utils
import threading
import time

from faketime import ClockCluster
from scenario import Scenario, harness, stopped

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


SETTINGS = {"rate_limit.requests_per_s": 1, "rate_limit.burst": 20}

SCENARIOS = [
    Scenario("clock/forth", "libfaketime: one instance's wall clock goes an hour forth, then back", step(HOUR_S),
             load_s=10, stage=ClockCluster, settings=SETTINGS, check_after=check_times),
    Scenario("clock/back", "libfaketime: one instance's wall clock goes an hour back, then forth", step(-HOUR_S),
             load_s=10, stage=ClockCluster, settings=SETTINGS, check_after=check_times),
]
