-- At most $1 of them.
SELECT count(*) FROM (SELECT 1 FROM outbox WHERE position IS NULL LIMIT $1) AS waiting;
