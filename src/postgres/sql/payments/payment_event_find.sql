SELECT webhook_id, order_id, payment_id, succeeded, amount, currency, outcome,
       received_at <= now() - $3 * interval '1 second' AS is_overdue, coalesce(card_hash, '') AS card_hash
  FROM payment_events
 WHERE sale_no = $1 AND webhook_id = $2;
