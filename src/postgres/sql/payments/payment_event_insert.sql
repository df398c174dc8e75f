INSERT INTO payment_events (sale_no, webhook_id, order_id, payment_id, succeeded, amount, currency, card_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, nullif($8, ''))
ON CONFLICT (sale_no, webhook_id) DO NOTHING;
