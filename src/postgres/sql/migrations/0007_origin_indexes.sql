-- Orders' rows of the outbox that tell where something came from, for erasures: those of one order by its id, and those
-- of several, of which there are few.
CREATE INDEX outbox_origins ON outbox (sale_no, (order_ids[1]))
 WHERE type <= 6 AND payload IS NOT NULL AND cardinality(order_ids) = 1;

CREATE INDEX outbox_origins_of_batches ON outbox (sale_no)
 WHERE type <= 6 AND payload IS NOT NULL AND cardinality(order_ids) > 1;
