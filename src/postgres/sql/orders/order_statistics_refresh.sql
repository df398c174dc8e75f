SELECT refresh_order_statistics($1);
