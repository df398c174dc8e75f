-- Some orders of a rehearsal, with what was told of their payments and what was to go back. Rows of orders are removed
-- in no other place: nobody can be owed anything of a rehearsal. Orders are locked before messages, as everywhere.
WITH gone AS (
    DELETE FROM orders
     WHERE sale_no = $1
       AND order_id IN (SELECT order_id FROM orders WHERE sale_no = $1 LIMIT $2)
    RETURNING order_id),
untold AS (
    DELETE FROM payment_events
     USING gone
     WHERE payment_events.sale_no = $1 AND payment_events.order_id = gone.order_id),
unowed AS (
    DELETE FROM refunds USING gone WHERE refunds.sale_no = $1 AND refunds.order_id = gone.order_id),
noted AS (
    INSERT INTO rehearsal_orders (sale_no, order_id)
    SELECT $1, order_id FROM gone
    ON CONFLICT (sale_no, order_id) DO NOTHING)
SELECT count(*) FROM gone;
