-- Whether an order of a sale was made, paid or cancelled within the last $4 days. What is archived has not been.
SELECT EXISTS (SELECT
                 FROM orders
                WHERE item_no BETWEEN $1 AND $2
                  AND item_no = ANY ($3::integer[])
                  AND greatest(created_at, changed_at) > now() - $4 * interval '1 day');
