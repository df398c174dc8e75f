SELECT (SELECT count(*) FROM orders WHERE orders.sale_no = $1)
       + (SELECT count(*) FROM archived_orders WHERE archived_orders.sale_no = $1);
