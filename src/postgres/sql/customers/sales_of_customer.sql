-- Of these sales, each with the customer's range of ids in it, those in which the customer has orders. The limit also
-- has every range looked up by its index: joined, all orders there are may be read for what many sales are asked for.
-- The order ends each look at its first row: a bitmap would be made of the whole range.
SELECT sale_no
  FROM unnest($1::integer[], $2::uuid[], $3::uuid[]) AS range (sale_no, first_id, last_id)
 CROSS JOIN LATERAL (SELECT 1
                       FROM all_orders
                      WHERE all_orders.sale_no = range.sale_no
                        AND order_id BETWEEN first_id AND last_id
                        AND customer_id = $4
                      ORDER BY order_id
                      LIMIT 1) AS found;
