-- Items of a sale's orders whose time to pay is over.
WITH due AS (
    SELECT item_no, more_items FROM orders WHERE sale_no = $1 AND status = 2 AND expires_at <= now() LIMIT 10000)
SELECT item_no FROM due
 UNION
SELECT unnest(more_items) FROM due;
