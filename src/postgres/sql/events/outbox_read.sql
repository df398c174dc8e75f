-- Rows that hold any of the $2 events behind position $1; a row has at most $3 events.
SELECT sale_no, at, position, change_no, events, type, order_ids, reason, expires_at, payload, row_no
  FROM outbox
 WHERE position > $1::bigint - $3::bigint
   AND position <= $1::bigint + $2::bigint
   AND position + events > $1::bigint + 1
 ORDER BY position;
