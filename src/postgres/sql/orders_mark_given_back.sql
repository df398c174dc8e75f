UPDATE orders SET given_back = true WHERE order_id = ANY ($1::uuid[]) AND given_back = false;
