-- Whether an order of a sale was made, paid or cancelled within the last $2 days. What is archived has not been.
SELECT EXISTS (SELECT 1
                 FROM orders
                WHERE sale_no = $1
                  AND greatest(created_at, changed_at) > now() - $2 * interval '1 day');
