INSERT INTO stock_changes (sale_no, item_no, version, change_id, delta, stock_after, who)
VALUES ($1, $2, $3, $4, $5, $6, $7);
