-- Orders that ended after their sale was let go: nobody in Redis has to be told.
UPDATE archived_orders SET given_back = true WHERE sale_no = $1 AND order_id = ANY ($2::uuid[]) AND given_back = false;
