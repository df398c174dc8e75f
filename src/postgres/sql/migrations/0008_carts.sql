-- Orders of several items of one sale (carts). An order's first line, of the lowest item number, stands in item_no and
-- quantity; its others, in the order of their items, stand in these two, which are as long as each other. Null for an
-- order of one line, which costs nothing more than before. One row an order: a status changes once for all lines.
-- The check does not look at rows that are there, which have no other lines.
ALTER TABLE orders
  ADD COLUMN more_items integer[],
  ADD COLUMN more_quantities integer[],
  ADD CONSTRAINT orders_have_whole_lines CHECK (
      (more_items IS NULL) = (more_quantities IS NULL)
      AND cardinality(more_items) BETWEEN 1 AND 9
      AND cardinality(more_items) = cardinality(more_quantities)
      AND item_no < ALL (more_items)
      AND 0 < ALL (more_quantities)) NOT VALID;

-- A row for each line. first_item_no: the order's own item_no, by which its row is found.
CREATE VIEW order_lines AS
SELECT order_id, item_no AS first_item_no, item_no, quantity, status, created_at, given_back, customer_id
  FROM orders
 UNION ALL
SELECT order_id, orders.item_no, more.item_no, more.quantity, status, created_at, given_back, customer_id
  FROM orders
 CROSS JOIN LATERAL unnest(more_items, more_quantities) AS more (item_no, quantity)
 WHERE more_items IS NOT NULL;

CREATE OR REPLACE VIEW order_units AS
SELECT order_lines.order_id,
       sales.sale_id::text AS sale_id,
       order_lines.customer_id::text AS customer_id,
       items.sku::text AS sku,
       order_lines.quantity,
       CASE order_lines.status
           WHEN 1 THEN 'confirmed'
           WHEN 2 THEN 'awaiting_payment'
           WHEN 3 THEN 'cancelled'
           WHEN 4 THEN 'expired'
           WHEN 5 THEN 'rejected'
       END AS status
  FROM order_lines
  JOIN items ON items.item_no = order_lines.item_no
  JOIN sales ON sales.sale_no = items.sale_no;
