INSERT INTO foreign_payments (webhook_id, order_id, payment_id, succeeded, amount, currency)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (webhook_id, order_id, payment_id) DO NOTHING;
