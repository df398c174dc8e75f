-- Where the lines behind an order's first one are. Only carts are in it. A migration of its own: it reads all orders,
-- and what changes the table has to be over by then.
CREATE INDEX orders_with_more_lines ON orders (item_no) WHERE more_items IS NOT NULL;

CREATE INDEX orders_unpaid_with_more_lines ON orders USING gin (more_items)
 WHERE status = 2 AND more_items IS NOT NULL;
