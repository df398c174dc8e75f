-- How many payments of an order were declined, however often the provider has told of each: those that are noted so,
-- and those that are not judged yet.
SELECT count(DISTINCT CASE payment_id WHEN '' THEN webhook_id ELSE payment_id END)
  FROM payment_events
 WHERE sale_no = $1 AND order_id = $2 AND NOT succeeded AND outcome IN (0, 3, 7);
