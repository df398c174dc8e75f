-- Sales with orders whose time to pay is over. The order and the limit have each looked up by the index: joined, all
-- orders that are unpaid may be read.
SELECT sales.sale_no
  FROM sales
 CROSS JOIN LATERAL (SELECT 1
                       FROM orders
                      WHERE orders.sale_no = sales.sale_no AND status = 2 AND expires_at <= now()
                      ORDER BY expires_at
                      LIMIT 1) AS due
 WHERE sales.payment = 1;
