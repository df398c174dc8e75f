-- The sales in which something is told of a customer's behaviour. Each is looked up by its key.
SELECT sales.sale_no
  FROM sales
 CROSS JOIN LATERAL (SELECT 1
                       FROM customer_behaviour
                      WHERE customer_behaviour.sale_no = sales.sale_no
                        AND customer_id = $1
                      LIMIT 1) AS found;
