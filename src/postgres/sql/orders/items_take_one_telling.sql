-- Takes the units of one item, and leaves what the batch tells of its orders, in one round trip: the item's row is the
-- one that all wait for.
WITH told AS (
    INSERT INTO outbox (sale_no, at, change_no, events, type, order_ids, reason, expires_at, payload)
    SELECT $1, clock_timestamp(), change_no, events, type, order_ids::uuid[], reason, expires_at, payload::json
      FROM unnest($5::integer[], $6::integer[], $7::smallint[], $8::text[], $9::text[], $10::timestamptz[],
                  $11::text[])
           AS told (change_no, events, type, order_ids, reason, expires_at, payload))
UPDATE items
   SET sold = sold + $4
 WHERE sale_no = $1 AND item_no = $2 AND epoch = $3 AND sold + $4 <= stock;
