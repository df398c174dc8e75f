-- What one customer and one order may take of a sale. Orders count for good, whatever became of them: so what the
-- stores keep of one customer is bounded. Sales that are there, and those of an older version, take orders of any
-- quantity as before.
ALTER TABLE sales
  ADD COLUMN max_orders_per_customer integer NOT NULL DEFAULT 100 CHECK (max_orders_per_customer > 0),
  ADD COLUMN max_quantity_per_order integer NOT NULL DEFAULT 1000000 CHECK (max_quantity_per_order > 0);
