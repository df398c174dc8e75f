-- The clock and not the transaction's start: of two writers, who wait for each other at the directory's row before, the
-- one that came second is the later one.
INSERT INTO feature_flags (name, enabled, percent, sales, changed_at)
VALUES ($1, $2, $3, $4::text[], clock_timestamp())
ON CONFLICT (name) DO UPDATE
   SET enabled = excluded.enabled, percent = excluded.percent, sales = excluded.sales,
       changed_at = excluded.changed_at
RETURNING changed_at;
