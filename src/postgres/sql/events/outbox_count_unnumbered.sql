-- At most $1 of them.
SELECT count(*)
  FROM (SELECT 1
          FROM outbox
         WHERE position IS NULL
           AND xid >= (SELECT CASE WHEN seen_xid <= pg_snapshot_xmin(pg_current_snapshot()) THEN seen_xid ELSE '0' END
                         FROM event_line)
         LIMIT $1) AS waiting;
