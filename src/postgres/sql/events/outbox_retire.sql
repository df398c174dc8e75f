-- From the line's beginning up to position $1, older than $2 s, at most $3 rows: what all have been told of. The
-- highest position that went. It stops at the first row that is to stay, so what is kept has no gap.
WITH first AS (
    SELECT sale_no, row_no, position + events - 1 AS last, at < now() - $2 * interval '1 second' AS is_old
      FROM outbox
     WHERE position > (SELECT gone_until FROM event_line)
       AND position + events - 1 <= $1
     ORDER BY position
     LIMIT $3),
due AS (
    SELECT sale_no, row_no
      FROM first
     WHERE last < coalesce((SELECT min(last) FROM first WHERE NOT is_old), 9223372036854775807)),
gone AS (
    DELETE FROM outbox
     USING due
     WHERE outbox.sale_no = due.sale_no AND outbox.row_no = due.row_no
    RETURNING outbox.position + outbox.events - 1 AS last)
SELECT coalesce(max(last), 0) FROM gone;
