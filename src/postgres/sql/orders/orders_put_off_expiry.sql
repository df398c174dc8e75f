-- Orders whose time to pay begins $2 us later than was written.
UPDATE orders
   SET expires_at = expires_at + $2 * interval '1 microsecond'
 WHERE order_id = ANY ($1::uuid[]) AND status = 2
RETURNING order_id;
