-- At most $2 rows without a position that are older than $1 s: nobody will give them one.
WITH gone AS (
    DELETE FROM outbox
     USING (SELECT sale_no, row_no
              FROM outbox
             WHERE position IS NULL AND at < now() - $1::bigint * interval '1 second'
             LIMIT $2) AS old
     WHERE outbox.sale_no = old.sale_no AND outbox.row_no = old.row_no
    RETURNING 1)
SELECT count(*) FROM gone;
