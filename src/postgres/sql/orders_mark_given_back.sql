-- Of the generation that Redis was told of: one taken again since, and ended again, is another matter.
UPDATE orders
   SET given_back = true
  FROM unnest($1::uuid[], $2::smallint[]) AS told (order_id, generation)
 WHERE orders.order_id = told.order_id
   AND orders.generation = told.generation
   AND orders.given_back = false;
