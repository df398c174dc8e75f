-- Takes the place of an order that was accepted but not written yet: whoever writes it later meets this row
-- (PROTOCOL R4). Its unit never counted in items.sold, but Redis has taken it and gets it back.
INSERT INTO orders (sale_no, order_id, created_at, item_no, quantity, status, customer_id, changed_at, given_back,
                    reason, more_items, more_quantities)
VALUES ($1, $2, $3, $4, $5, 3, $6, now(), false, NULLIF($7, ''), NULLIF($8::text, '')::integer[],
        NULLIF($9::text, '')::integer[])
ON CONFLICT (sale_no, order_id) DO NOTHING;
