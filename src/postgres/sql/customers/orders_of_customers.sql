-- All orders of these customers of a sale, each with the range of ids, final ones too. OFFSET has every range looked up
-- by its index: joined, all orders of the sale may be read.
SELECT mine.*
  FROM unnest($2::text[], $3::uuid[], $4::uuid[]) AS wanted (customer_id, first_id, last_id)
 CROSS JOIN LATERAL (SELECT order_id, item_no, orders.customer_id, quantity, status, created_at, expires_at, reason,
                            generation, coalesce(refund_required, false) AS refund_required,
                            more_items, more_quantities
                       FROM orders
                      WHERE orders.sale_no = $1
                        AND orders.order_id BETWEEN wanted.first_id AND wanted.last_id
                        AND orders.customer_id = wanted.customer_id
                     OFFSET 0) AS mine;
