-- Whether any unit of an item waits for its payment, for the catalog. Only unpaid orders are in it. A migration of its
-- own: it reads all orders, and what changes the table has to be over by then.
CREATE INDEX orders_unpaid_by_item ON orders (item_no) WHERE status = 2;
