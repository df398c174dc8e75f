-- None: the id is taken, or the number.
INSERT INTO sales (sale_no, sale_id, name, state, starts_at, ends_at, payment, payment_window_s, queue_enabled,
                   queue_rate_per_s, queue_prequeue_s, rehearsal, max_orders_per_customer, max_quantity_per_order,
                   is_draft, payment_attempts, cancellation, directory_version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 0)
ON CONFLICT DO NOTHING
RETURNING sale_no;
