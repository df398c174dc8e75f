-- Orders whose time to pay begins $3 us later than was written. + 0: by the key (orders_confirm_paid.sql).
UPDATE orders
   SET expires_at = expires_at + $3 * interval '1 microsecond'
 WHERE sale_no = $1 AND order_id = ANY ($2::uuid[]) AND status + 0 = 2
RETURNING order_id;
