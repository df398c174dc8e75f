-- Those of the orders whose rows somebody holds at the moment. One that is not there is nobody's.
WITH free AS (
  SELECT order_id FROM orders WHERE order_id = ANY ($1::uuid[]) ORDER BY order_id FOR NO KEY UPDATE SKIP LOCKED
)
SELECT order_id FROM orders WHERE order_id = ANY ($1::uuid[])
EXCEPT
SELECT order_id FROM free;
