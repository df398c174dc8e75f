"""What PostgreSQL itself sums over orders: what consumers of events are held against."""

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


def status_sums(cluster):
    """{(sale, SKU or None, currency, status): (orders, units, revenue)}."""
    return {row[:4]: row[4:] for row in cluster.query(STATUS_SUMS)}


def window_sums(cluster, width_s):
    """{(begin in Unix time, sale, SKU or None, currency): figures in the order of WINDOW_COLUMNS}."""
    return {row[:4]: row[4:] for row in cluster.query(WINDOW_SUMS, (width_s,))}


def wait_numbered(cluster):
    """The position of the last event, once all that was committed has one."""
    wait_until(lambda: cluster.query("SELECT count(*) FROM outbox WHERE position IS NULL") == [(0,)], 20,
               "events stay without a position")
    return cluster.query("SELECT last_position FROM event_line")[0][0]
