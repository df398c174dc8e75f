-- A buyer's list costs what it shows: the newest orders come first out of the index, where a hash index gave all that
-- the customer had ever ordered, to be sorted. (An order costs about as much more to write as this is dearer to keep
-- than the hash.) A migration of its own: it reads all orders.
CREATE INDEX orders_by_customer_and_time ON orders (customer_id, created_at);

CREATE INDEX archived_orders_by_customer_and_time ON archived_orders (customer_id, created_at);

DROP INDEX orders_by_customer;

DROP INDEX archived_orders_by_customer;
