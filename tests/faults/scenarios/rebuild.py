"""Rebuilds that fail, have little room, or meet what moves at that moment."""

import contextlib
import threading
import time

import fault_point
from scenario import Scenario


def require(holds, what):
    if not holds:
        raise AssertionError(what)


def drop_fences(stage):
    """As docs/operating.md has it done by hand, of every sale."""
    client = stage.redis.client
    for key in client.scan_iter(match="fs:{*}"):
        if key.endswith(b"}"):
            client.delete(key)


def raise_epochs(stage, by):
    """What so many tries have done that failed after it, here or elsewhere. It locks as they do: items, sales,
    directory."""
    connection = stage.postgres.connect(stage.database)
    with contextlib.closing(connection), connection.cursor() as cursor:
        connection.autocommit = False
        cursor.execute("SELECT FROM items ORDER BY sale_no, item_no FOR NO KEY UPDATE")
        cursor.execute("UPDATE sales SET epoch = epoch + %s", (by,))
        cursor.execute("UPDATE items SET epoch = sales.epoch FROM sales WHERE sales.sale_no = items.sale_no")
        cursor.execute("UPDATE directory SET version = version + 1")
        cursor.execute("UPDATE sales SET directory_version = directory.version FROM directory")
        connection.commit()


# --- failed tries ---


def fail_in_a_row(stage, chance):
    """Who has taken orders is dead, the fence is gone, and what is to be written meets a lock, try after try."""
    fault_point.arm(stage, "checkout.before_submit", passes=chance.randint(1, 20))
    victim = fault_point.wait_for_victim(stage)
    lock = stage.postgres.connect(stage.database)
    with contextlib.closing(lock):
        lock.autocommit = False
        with lock.cursor() as cursor:
            cursor.execute("LOCK TABLE orders IN SHARE MODE")
            drop_fences(stage)
            for _ in range(chance.randint(2, 5)):
                time.sleep(chance.uniform(0.3, 0.9))
                drop_fences(stage)
                raise_epochs(stage, chance.randint(1, 40))
        lock.rollback()
    victim.start()


FAILING = {"postgres.lock_timeout_ms": 150}


# --- little room ---


def fill_up(stage, chance):
    """There is room for what a sale has, but not for it twice, and the crowd goes on."""
    client = stage.redis.client
    client.config_set("maxmemory", client.info("memory")["used_memory"] + chance.randint(0, 400_000))
    drop_fences(stage)
    time.sleep(chance.uniform(0.5, 2))
    client.config_set("maxmemory", 0)


# --- what moves at that moment ---


def end_orders_meanwhile(stage, chance):
    """Orders are cancelled between the first and the last look of a rebuild into PostgreSQL."""
    sale = stage.create_sale(stock=1000)
    orders = []
    for _ in range(30):
        customer = stage.new_customer()
        answer = stage.buy(sale, customer)
        if answer.status == 201:
            orders.append((answer.json()["id"], customer))
    require(orders, "nothing was sold")
    drifted = drift_units(stage)
    fault_point.arm(stage, "rebuild.drained", "sleep:700", passes=1)
    raise_epochs(stage, 1)
    for order, customer in orders:
        stage.cancel(order, customer)
        time.sleep(0.03)
    stage.wait_consistent(sale)
    time.sleep(3)
    require(drift_units(stage) == drifted, "an alarm for nothing")
    fault_point.disarm(stage)


def drift_units(stage):
    total = 0
    for instance in stage.instances:
        for line in instance.admin("GET", "/metrics").body.decode().splitlines():
            if line.startswith("flashsale_drift_units_total{"):
                total += float(line.rsplit(" ", 1)[1])
    return total


def refuse_withdrawal(stage, chance):
    """Redis takes units out that PostgreSQL does not have; the merchant is told so. Then it does have them, and neither
    a sweeper nor a rebuild carries out what stands in the log."""
    sale = stage.create_sale(stock=5)
    stage.set_stock(sale, 1)
    fault_point.arm(stage, "rebuild.before_raise", "sleep:1500")
    answers = []
    asker = threading.Thread(target=lambda: answers.append(stage.admin(
        "POST", f"/admin/v1/sales/{sale}/items/sneaker-42/stock", {"add": -3}, {"Idempotency-Key": f"take-{sale}"})))
    asker.start()
    fault_point.wait_until_reached(stage)
    with stage.locked_items(sale):  # the rebuild that follows a refusal fails
        asker.join(20)
    require(answers and answers[0].status == 409, f"{answers}")
    stage.set_stock(sale, 5)
    time.sleep(chance.uniform(0, 5))
    drop_fences(stage)
    stage.wait_consistent(sale)
    item = stage.audit(sale)["items"][0]
    require((item["stock"], item["remaining"]) == (5, 5), f"it was carried out: {item}")


# --- what stays behind ---


def check_no_old_keys(stage, record):
    """Names would stay with them."""
    client = stage.redis.client

    def old_keys():
        found = []
        for key in client.scan_iter(match="fs:{*}:*"):
            sale, _, rest = key.decode().partition("}:")
            epoch = rest.split(":")[0]
            served = client.hget(sale + "}", "e")
            is_old = epoch.isdigit() and served is not None and int(epoch) < int(served)
            if is_old and client.ttl(key) == -1:
                found.append(key)
        return found
    left = old_keys()
    require(not left, f"keys of old epochs stay for good: {left}")


def kill_over(point):
    def act(stage, chance):
        fault_point.arm(stage, point)
        drop_fences(stage)
        raise_epochs(stage, 1)
        victim = fault_point.wait_for_victim(stage)
        time.sleep(chance.uniform(0.2, 1.0))
        victim.start()
    return act


SCENARIOS = [
    Scenario("rebuild/fails-in-a-row", "SIGKILL of one of two with orders in hand, its fence deleted again and again, "
             "rebuilds that meet a lock and 1 to 200 more that failed", fail_in_a_row, load_s=12,
             stage=fault_point.make_stage, settings=FAILING),
    Scenario("rebuild/full", "fences deleted with hardly any memory left, for 0.5 to 2 s", fill_up, load_s=8),
    Scenario("rebuild/orders-end-meanwhile", "orders are cancelled while their sale is rebuilt", end_orders_meanwhile,
             load_s=12, stage=fault_point.make_stage),
    Scenario("rebuild/refused-withdrawal", "a withdrawal that PostgreSQL has refused, then its fence deleted",
             refuse_withdrawal, load_s=16, stage=fault_point.make_stage, settings=FAILING),
    Scenario("rebuild/kill-cleared", "fences deleted; SIGKILL of one of two after it has cleared what older epochs had",
             kill_over("rebuild.cleared"), load_s=10, stage=fault_point.make_stage, check_after=check_no_old_keys),
    Scenario("rebuild/kill-before-publish", "fences deleted; SIGKILL of one of two before it publishes",
             kill_over("rebuild.before_publish"), load_s=10, stage=fault_point.make_stage,
             check_after=check_no_old_keys),
    Scenario("rebuild/kill-published", "fences deleted; SIGKILL of one of two after it has published",
             kill_over("rebuild.published"), load_s=10, stage=fault_point.make_stage, check_after=check_no_old_keys),
]
