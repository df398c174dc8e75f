-- Rows that hold any of the $2 events behind position $1; a row has at most $3 events. No more than make $4 bytes of
-- payload, but one. Types up to 6 are of orders: their payload may name the requests that have caused them, and where
-- those came from.
SELECT sale_no, at, position, change_no, events, type, order_ids, reason, expires_at, payload, row_no,
       CASE WHEN type <= 6 THEN payload->>'traces' END,
       CASE WHEN type <= 6 THEN payload->>'clients' END,
       CASE WHEN type <= 6 THEN payload->>'card_hash' END
  FROM (SELECT sale_no, at, position, change_no, events, type, order_ids, reason, expires_at, payload, row_no,
               sum(octet_length(payload::text)) OVER (ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING
                                                      AND 1 PRECEDING) AS bytes_before
          FROM outbox
         WHERE position > $1::bigint - $3::bigint
           AND position <= $1::bigint + $2::bigint
           AND position + events > $1::bigint + 1) AS wanted
 WHERE coalesce(bytes_before, 0) < $4::bigint
 ORDER BY position;
