-- A sale in which everything works, and nothing is meant: no event of it leaves, and all of it can be undone.
-- reset_epoch: what was accepted before it has been undone, wherever it still stands.
ALTER TABLE sales ADD COLUMN rehearsal boolean NOT NULL DEFAULT false, ADD COLUMN reset_epoch bigint NOT NULL DEFAULT 0;

-- Orders that a reset has removed: a message of their payments is no event of the shop's.
CREATE TABLE rehearsal_orders (order_id uuid NOT NULL PRIMARY KEY);
