SELECT item_no, version, delta, stock_after FROM stock_changes WHERE sale_no = $1 AND change_id = $2;
