"""What PostgreSQL itself sums over orders: what consumers of events are held against."""

from .moments import unix_time
from .waiting import wait_until

# A line of each order with what it costs; of the whole order without a SKU.
_LINES = """
    WITH lines AS (
        SELECT order_id, sale_id, sku, currency, quantity, quantity * price_amount AS amount, order_units.status
          FROM order_units
          JOIN sales USING (sale_id)
          JOIN items USING (sale_no, sku)),
    parts AS (
        SELECT * FROM lines
         UNION ALL
        SELECT order_id, sale_id, NULL, currency, sum(quantity), sum(amount), status
          FROM lines
         GROUP BY order_id, sale_id, currency, status)"""

STATUS_SUMS = _LINES + """
    SELECT sale_id, sku, currency, status, count(*)::bigint, sum(quantity)::bigint, sum(amount)::bigint
      FROM parts
     GROUP BY sale_id, sku, currency, status"""

# Types are the status that an order has got: 1 confirmed, 2 awaiting_payment, 3 cancelled, 4 expired.
WINDOW_SUMS = _LINES + """
    , told AS (
        SELECT extract(epoch FROM date_bin(%s * interval '1 second', at, 'epoch'))::bigint AS begins, type, change_no,
               parts.*
          FROM outbox
         CROSS JOIN LATERAL unnest(order_ids) AS told_id
          JOIN parts ON order_id = told_id
         WHERE type BETWEEN 1 AND 5)
    SELECT begins, sale_id, sku, currency,
           count(*) FILTER (WHERE change_no = 1 AND type IN (1, 2))::bigint,
           coalesce(sum(quantity) FILTER (WHERE change_no = 1 AND type IN (1, 2)), 0)::bigint,
           count(*) FILTER (WHERE type = 1)::bigint,
           coalesce(sum(quantity) FILTER (WHERE type = 1), 0)::bigint,
           coalesce(sum(amount) FILTER (WHERE type = 1), 0)::bigint,
           count(*) FILTER (WHERE type = 3)::bigint,
           coalesce(sum(quantity) FILTER (WHERE type = 3), 0)::bigint,
           coalesce(sum(amount) FILTER (WHERE type = 3), 0)::bigint,
           coalesce(sum(quantity) FILTER (WHERE change_no > 1 AND type IN (3, 4)), 0)::bigint
      FROM told
     GROUP BY begins, sale_id, sku, currency"""

WINDOW_COLUMNS = ("placed_orders", "placed_units", "orders", "units", "revenue", "cancelled_orders", "cancelled_units",
                  "cancelled_amount", "returned_units")


# What customers have in common, by the hour. A batch of orders has the hashes of their addresses in one text.
ORIGIN_SUMS = """
    WITH told AS (
        SELECT extract(epoch FROM date_bin('1 hour', at, 'epoch'))::bigint AS begins, customer_id,
               substr(payload->>'clients', (32 * (place - 1))::integer + 1, 32) AS client_hash,
               payload->>'card_hash' AS card_hash
          FROM outbox
         CROSS JOIN LATERAL unnest(order_ids) WITH ORDINALITY AS one (told_id, place)
          JOIN orders ON orders.sale_no = outbox.sale_no AND orders.order_id = told_id
         WHERE type IN (1, 2)),
    origins AS (
        SELECT begins, 'address' AS origin, client_hash AS hash, customer_id FROM told
         UNION ALL
        SELECT begins, 'card', card_hash, customer_id FROM told)
    SELECT begins, origin, hash, count(*)::bigint, count(DISTINCT customer_id)::bigint
      FROM origins
     WHERE hash ~ '^[0-9a-f]{32}$'
     GROUP BY begins, origin, hash
    HAVING count(DISTINCT customer_id) > 1"""


def status_sums(cluster):
    """{(sale, SKU or None, currency, status): (orders, units, revenue)}."""
    return {row[:4]: row[4:] for row in cluster.query(STATUS_SUMS)}


def window_sums(cluster, width_s):
    """{(begin in Unix time, sale, SKU or None, currency): figures in the order of WINDOW_COLUMNS}."""
    return {row[:4]: row[4:] for row in cluster.query(WINDOW_SUMS, (width_s,))}


def origin_sums(cluster):
    """{(begin of the hour in Unix time, address or card, hash): (orders, customers)} of those of several customers."""
    return {row[:3]: row[3:] for row in cluster.query(ORIGIN_SUMS)}


def told_origins(rows):
    """The same of rows of `shared_origins`."""
    return {(round(unix_time(row["window_start"])), row["origin"], row["hash"]): (row["orders"], row["customers"])
            for row in rows}


def wait_numbered(cluster):
    """The position of the last event, once all that was committed has one."""
    wait_until(lambda: cluster.query("SELECT count(*) FROM outbox WHERE position IS NULL") == [(0,)], 20,
               "events stay without a position")
    return cluster.query("SELECT last_position FROM event_line")[0][0]
