-- Writes a batch of new orders of one sale and counts their units, in one call: what COPY and UPDATE do on one server.
-- For Citus, where `migrate --citus` has it run on the worker that has the sale: so the batch is one round trip and one
-- commit, while a COPY always commits in two phases. False: an item has not got the units, or another epoch; roll back.
CREATE FUNCTION write_batch(sale integer, ids uuid[], moments timestamptz[], items_of integer[],
                            quantities_of integer[], statuses smallint[], expiries timestamptz[], customers text[],
                            more_items_of text[], more_quantities_of text[], taken_items integer[],
                            taken_epochs bigint[], taken_units bigint[], told_change_nos integer[],
                            told_events integer[], told_types smallint[], told_ids text[], told_reasons text[],
                            told_expiries timestamptz[], told_payloads text[])
RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    counted bigint;
BEGIN
    INSERT INTO orders (sale_no, order_id, created_at, item_no, quantity, status, expires_at, customer_id, more_items,
                        more_quantities)
    SELECT sale, order_id, created_at, item_no, quantity, status, expires_at, customer_id, more.items::integer[],
           more.quantities::integer[]
      FROM unnest(ids, moments, items_of, quantities_of, statuses, expiries, customers, more_items_of,
                  more_quantities_of)
           AS more (order_id, created_at, item_no, quantity, status, expires_at, customer_id, items, quantities);
    INSERT INTO outbox (sale_no, at, change_no, events, type, order_ids, reason, expires_at, payload)
    SELECT sale, clock_timestamp(), change_no, events, type, told.ids::uuid[], reason, expires_at, payload::json
      FROM unnest(told_change_nos, told_events, told_types, told_ids, told_reasons, told_expiries, told_payloads)
           AS told (change_no, events, type, ids, reason, expires_at, payload);
    -- As every transaction that changes several items.
    PERFORM item_no
       FROM items
      WHERE items.sale_no = sale AND item_no = ANY (taken_items)
      ORDER BY item_no
        FOR NO KEY UPDATE;
    UPDATE items
       SET sold = items.sold + taken.units
      FROM unnest(taken_items, taken_epochs, taken_units) AS taken (item_no, epoch, units)
     WHERE items.sale_no = sale
       AND items.item_no = taken.item_no
       AND items.epoch = taken.epoch
       AND items.sold + taken.units <= items.stock;
    GET DIAGNOSTICS counted = ROW_COUNT;
    RETURN counted = cardinality(taken_items);
END
$$;
