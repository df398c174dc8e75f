SELECT webhook_id, order_id, payment_id, succeeded, amount, currency, outcome,
       received_at <= now() - $2 * interval '1 second' AS is_overdue
  FROM payment_events
 WHERE webhook_id = $1;
