-- Some orders of a rehearsal, with what was told of their payments and what was to go back. Rows of orders are removed
-- in no other place: nobody can be owed anything of a rehearsal. Orders are locked before messages, as everywhere.
WITH gone AS (
    DELETE FROM orders
     WHERE order_id IN (SELECT order_id
                          FROM orders
                         WHERE item_no BETWEEN $1 AND $2 AND item_no = ANY ($3::integer[])
                         LIMIT $4)
    RETURNING order_id),
untold AS (
    DELETE FROM payment_events USING gone WHERE payment_events.order_id = gone.order_id),
unowed AS (
    DELETE FROM refunds USING gone WHERE refunds.order_id = gone.order_id),
noted AS (
    INSERT INTO rehearsal_orders (order_id) SELECT order_id FROM gone ON CONFLICT (order_id) DO NOTHING)
SELECT count(*) FROM gone;
