SELECT item_no, version, delta, stock_after FROM stock_changes WHERE change_id = $1;
