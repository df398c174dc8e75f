-- What support has written of cancellations of one customer's orders, $2 to $3, and nobody is to read any more.
UPDATE outbox
   SET reason = NULL
 WHERE sale_no = $1
   AND type = 3
   AND reason <> 'payment_failed'
   AND order_ids[1] BETWEEN $2::uuid AND $3::uuid;
