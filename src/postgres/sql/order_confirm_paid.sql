UPDATE orders SET status = 1, expires_at = NULL, changed_at = now() WHERE order_id = $1 AND status = 2;
