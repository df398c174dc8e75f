-- The addresses and cards of one customer's orders, $2 to $3, in rows of one order.
UPDATE outbox
   SET payload = (payload::jsonb - 'clients' - 'card_hash')::json
 WHERE sale_no = $1
   AND type <= 6
   AND payload IS NOT NULL
   AND cardinality(order_ids) = 1
   AND order_ids[1] BETWEEN $2::uuid AND $3::uuid;
