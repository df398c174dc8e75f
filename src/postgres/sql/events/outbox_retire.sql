-- Up to position $1 and older than $2 s, at most $3 rows: what all have been told of. The highest position that went.
WITH due AS (
    SELECT sale_no, row_no
      FROM outbox
     WHERE position > 0
       AND position + events - 1 <= $1
       AND at < now() - $2 * interval '1 second'
     ORDER BY position
     LIMIT $3),
gone AS (
    DELETE FROM outbox
     USING due
     WHERE outbox.sale_no = due.sale_no AND outbox.row_no = due.row_no
    RETURNING outbox.position + outbox.events - 1 AS last)
SELECT coalesce(max(last), 0) FROM gone;
