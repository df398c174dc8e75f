-- What a transaction has changed, a row for all that is alike. Parallel arrays; the ids as text of an array, or none.
INSERT INTO outbox (sale_no, at, change_no, events, type, order_ids, reason, expires_at, payload)
SELECT $1, clock_timestamp(), change_no, events, type, order_ids::uuid[], reason, expires_at, payload::json
  FROM unnest($2::integer[], $3::integer[], $4::smallint[], $5::text[], $6::text[], $7::timestamptz[], $8::text[])
       AS told (change_no, events, type, order_ids, reason, expires_at, payload);
