-- Whole rows, as they are once whoever is changing one has ended. Both tables have the same columns.
WITH moved AS (
    DELETE FROM orders WHERE order_id = ANY ($1::uuid[]) AND status <> 2 RETURNING *)
INSERT INTO archived_orders SELECT * FROM moved;
