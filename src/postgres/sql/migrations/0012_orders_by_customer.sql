-- A buyer's list costs what it shows: the newest orders come first out of the index, where a hash index gave all that
-- the customer had ever ordered, to be sorted. (An order costs about as much more to write as this is dearer to keep
-- than the hash.) A migration of its own: it reads all orders.
--
-- The strongest lock comes first: building the index takes a weaker one, and a migration that asked for more in the end
-- would deadlock with whoever has locked an order's row and now changes it, or build all of the index in vain.
LOCK TABLE orders, archived_orders IN ACCESS EXCLUSIVE MODE;

CREATE INDEX orders_by_customer_and_time ON orders (customer_id, created_at);

CREATE INDEX archived_orders_by_customer_and_time ON archived_orders (customer_id, created_at);

DROP INDEX orders_by_customer;

DROP INDEX archived_orders_by_customer;
