-- Orders that this very transaction has inserted and that nobody has seen: their epoch has passed.
DELETE FROM orders WHERE order_id = ANY ($1::uuid[]);
