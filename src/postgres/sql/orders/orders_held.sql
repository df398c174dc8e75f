-- Those of a sale's orders whose rows somebody holds at the moment. One that is not there is nobody's.
WITH free AS (
  SELECT order_id
    FROM orders
   WHERE sale_no = $1 AND order_id = ANY ($2::uuid[])
   ORDER BY order_id
     FOR NO KEY UPDATE SKIP LOCKED
)
SELECT order_id FROM orders WHERE sale_no = $1 AND order_id = ANY ($2::uuid[])
EXCEPT
SELECT order_id FROM free;
