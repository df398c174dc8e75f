-- Orders whose time to pay is over, oldest first.
SELECT order_id FROM orders WHERE status = 2 AND expires_at <= now() ORDER BY expires_at LIMIT $1;
