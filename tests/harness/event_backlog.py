"""Events that wait, made in PostgreSQL as a journal makes them: orders, and a row of the outbox for each batch."""


def make_backlog(cluster, sale_no, orders, batch=250):
    """An event for each of as many new orders of a sale."""
    cluster.query("""
        WITH made AS (
            INSERT INTO orders (created_at, order_id, sale_no, item_no, quantity, status, customer_id)
            SELECT now(), (lpad(to_hex(%(sale)s), 8, '0') || substr(md5(n::text), 1, 4) || '8' ||
                           substr(md5(n::text), 5, 3) || '8' || substr(md5(n::text), 8, 15))::uuid, %(sale)s,
                   (SELECT min(item_no) FROM items WHERE sale_no = %(sale)s), 1, 1, 'backlog-' || n
              FROM generate_series(1, %(orders)s) AS n
            RETURNING order_id)
        INSERT INTO outbox (sale_no, at, change_no, events, type, order_ids)
        SELECT %(sale)s, now(), 1, count(*), 1, array_agg(order_id)
          FROM (SELECT order_id, row_number() OVER () / %(batch)s AS batch FROM made) AS numbered
         GROUP BY batch
        RETURNING 1""", {"sale": sale_no, "orders": orders, "batch": batch})
    cluster.query("UPDATE items SET sold = sold + %s WHERE sale_no = %s RETURNING 1", (orders, sale_no))


def cancel_backlog(cluster, sale_no, batch=250):
    """A second event for each of these orders, which are cancelled. They have given their units back."""
    cancelled = cluster.query("""
        WITH changed AS (
            UPDATE orders SET status = 3, changes = 2, given_back = true, changed_at = now()
             WHERE sale_no = %(sale)s AND status = 1 AND customer_id LIKE 'backlog-%%'
            RETURNING order_id),
        told AS (
            INSERT INTO outbox (sale_no, at, change_no, events, type, order_ids)
            SELECT %(sale)s, now(), 2, count(*), 3, array_agg(order_id)
              FROM (SELECT order_id, row_number() OVER () / %(batch)s AS batch FROM changed) AS numbered
             GROUP BY batch)
        SELECT count(*) FROM changed""", {"sale": sale_no, "batch": batch})[0][0]
    cluster.query("UPDATE items SET sold = sold - %s WHERE sale_no = %s RETURNING 1", (cancelled, sale_no))
