"""Whether what buyers were told is what stands in the stores."""

_LIVE = ("confirmed", "awaiting_payment")


def check_buyers(cluster, purchases, where=0, consistent_within_s=10):
    """Holds what buyers saw against what PostgreSQL and the audit say. Raises AssertionError with every breach.

    Of each sale in `purchases`, all buyers must be in `purchases`.
    """
    wrong = []
    by_sale = {}
    for purchase in purchases:
        by_sale.setdefault(purchase.sale, []).append(purchase)
    wrong += _ids_of_keys(purchases)
    for sale, seen in by_sale.items():
        audit = cluster.wait_consistent(sale, consistent_within_s, where)
        rows = cluster.query("SELECT order_id::text, customer_id, sku, quantity, status FROM order_units "
                             "WHERE sale_id = %s", (sale,))
        stock = {sku: (total, sold) for sku, total, sold in
                 cluster.query("SELECT sku, stock, sold FROM item_stock WHERE sale_id = %s", (sale,))}
        limits = {item["sku"]: item["limit_per_customer"]
                  for item in cluster.admin("GET", f"/admin/v1/sales/{sale}", where=where).json()["items"]}
        wrong += _stock_is_kept(sale, rows, stock, audit)
        wrong += _promises_are_kept(seen, rows)
        wrong += _limits_are_kept(rows, limits)
    if wrong:
        shown = "\n  ".join(wrong[:30])
        raise AssertionError(f"{len(wrong)} breaches:\n  {shown}")


def _ids_of_keys(purchases):
    wrong = []
    owner_of = {}
    for purchase in purchases:
        if len(purchase.ids) > 1:
            wrong.append(f"one key, several orders: {purchase}")
        if purchase.statuses.count(201) > 1:
            wrong.append(f"one key was answered 201 more than once: {purchase}")
        for order_id in purchase.ids:
            other = owner_of.setdefault(order_id, (purchase.sale, purchase.customer, purchase.key))
            if other != (purchase.sale, purchase.customer, purchase.key):
                wrong.append(f"one order for two keys: {purchase} and {other}")
    return wrong


def _stock_is_kept(sale, rows, stock, audit):
    wrong = []
    live = {}
    seen_ids = set()
    for order_id, _customer, sku, quantity, status in rows:
        if (order_id, sku) in seen_ids:
            wrong.append(f"{sale}: order {order_id} is there twice")
        seen_ids.add((order_id, sku))
        if status in _LIVE:
            live[sku] = live.get(sku, 0) + quantity
    audited = {item["sku"]: item for item in audit["items"]}
    for sku, (total, sold) in stock.items():
        units = live.get(sku, 0)
        if units > total:
            wrong.append(f"{sale}/{sku}: OVERSOLD: {units} live units of {total}")
        if sold != units:
            wrong.append(f"{sale}/{sku}: sold is {sold}, live units are {units}")
        if audited.get(sku, {}).get("remaining") != total - units:
            wrong.append(f"{sale}/{sku}: stock {total}, live {units}, but the audit says {audited.get(sku)}")
    for sku in set(live) - set(stock):
        wrong.append(f"{sale}/{sku}: orders of an item that is not there")
    return wrong


def _promises_are_kept(seen, rows):
    wrong = []
    by_id = {}
    units_of = {}
    for order_id, customer, sku, quantity, status in rows:
        by_id[order_id] = (customer, sku, quantity, status)
        if status in _LIVE:
            units_of[customer] = units_of.get(customer, 0) + quantity
    expected, open_questions = {}, set()
    for purchase in seen:
        row = by_id.get(next(iter(purchase.ids))) if purchase.ids else None
        if purchase.promised or purchase.outcome in ("confirmed", "awaiting_payment", "cancelled", "rejected"):
            want = (purchase.customer, purchase.sku, purchase.quantity, purchase.outcome)
            if row is None:
                wrong.append(f"LOST: {purchase}")
            elif row != want:
                wrong.append(f"row {row} does not agree with {purchase}")
        if purchase.promised and purchase.outcome not in (*_LIVE, "cancelled"):
            wrong.append(f"a 201 was taken back: {purchase}")
        if purchase.taken and purchase.outcome == "unknown":
            wrong.append(f"a 202 without an end: {purchase}")
        if purchase.outcome in _LIVE:
            expected[purchase.customer] = expected.get(purchase.customer, 0) + purchase.quantity
        if purchase.outcome == "unknown":
            open_questions.add(purchase.customer)
    for customer in set(units_of) | set(expected):
        if customer not in open_questions and units_of.get(customer, 0) != expected.get(customer, 0):
            wrong.append(f"{customer} was told of {expected.get(customer, 0)} units and has "
                         f"{units_of.get(customer, 0)}")
    return wrong


def _limits_are_kept(rows, limits):
    bought = {}
    for _order_id, customer, sku, quantity, status in rows:
        if status in _LIVE:
            bought[customer, sku] = bought.get((customer, sku), 0) + quantity
    return [f"OVER THE LIMIT: {customer} has {units} of {sku}" for (customer, sku), units in bought.items()
            if limits.get(sku) and units > limits[sku]]
