-- Orders that this very transaction has inserted and that nobody has seen: their epoch has passed.
DELETE FROM orders WHERE sale_no = $1 AND order_id = ANY ($2::uuid[]);
