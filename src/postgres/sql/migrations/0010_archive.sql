-- Orders of past sales, out of the way of those that sell: `flashsaled archive` moves them here for good. An order
-- stands in one of the two tables. Both have the same columns in the same order: what is added to one is added to the
-- other. Nothing here can move. (The check also tells the planner that whoever looks for unpaid orders finds none.)
CREATE TABLE archived_orders (
    LIKE orders INCLUDING CONSTRAINTS,
    PRIMARY KEY (order_id),
    CONSTRAINT archived_orders_not_unpaid CHECK (status <> 2)
);

CREATE INDEX archived_orders_by_customer ON archived_orders USING hash (customer_id);

CREATE INDEX archived_orders_by_item ON archived_orders USING brin (item_no)
  WITH (pages_per_range = 32, autosummarize = on);

-- Only carts are in it. Without it order_lines would read all of the archive for the few.
CREATE INDEX archived_orders_with_more_lines ON archived_orders (item_no) WHERE more_items IS NOT NULL;

-- The moment from which a sale's orders may stand there; null: none does.
ALTER TABLE sales ADD COLUMN archived_at timestamptz;

-- Every order, wherever it stands. Whoever reads one sale says whether it may be archived: the planner then leaves the
-- archive out of the plan.
CREATE VIEW all_orders AS
SELECT created_at, order_id, item_no, quantity, status, generation, expires_at, changed_at, given_back, customer_id,
       reason, refund_required, payment_failed, more_items, more_quantities, false AS is_archived
  FROM orders
 UNION ALL
SELECT created_at, order_id, item_no, quantity, status, generation, expires_at, changed_at, given_back, customer_id,
       reason, refund_required, payment_failed, more_items, more_quantities, true AS is_archived
  FROM archived_orders;

-- order_units, which reads this one, has the archived orders by it too.
CREATE OR REPLACE VIEW order_lines AS
SELECT order_id, item_no AS first_item_no, item_no, quantity, status, created_at, given_back, customer_id, is_archived
  FROM all_orders
 UNION ALL
SELECT order_id, all_orders.item_no, more.item_no, more.quantity, status, created_at, given_back, customer_id,
       is_archived
  FROM all_orders
 CROSS JOIN LATERAL unnest(more_items, more_quantities) AS more (item_no, quantity)
 WHERE more_items IS NOT NULL;
