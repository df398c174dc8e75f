-- Sales that were let go, or were not ($2), in which units are free here and Redis has not been told, for at least
-- $1 ms. The order and the limit have each looked up by the index.
SELECT sales.sale_no
  FROM sales
 CROSS JOIN LATERAL (SELECT 1
                       FROM orders
                      WHERE orders.sale_no = sales.sale_no
                        AND given_back = false
                        AND changed_at <= now() - $1 * interval '1 millisecond'
                      ORDER BY changed_at
                      LIMIT 1) AS freed
 WHERE sales.let_go = $2;
