-- Takes the units of one item, and leaves what the batch tells of its orders, which is one row where all of them are
-- alike, in one round trip: the item's row is the one that all wait for. An empty text is none.
WITH told AS (
    INSERT INTO outbox (sale_no, at, change_no, events, type, order_ids, reason, expires_at, payload)
    VALUES ($1, clock_timestamp(), $5, $6, $7, $8::uuid[], NULLIF($9::text, ''), NULLIF($10::text, '')::timestamptz,
            NULLIF($11::text, '')::json))
UPDATE items
   SET sold = sold + $4
 WHERE sale_no = $1 AND item_no = $2 AND epoch = $3 AND sold + $4 <= stock;
