-- The addresses of one customer's orders, $2 to $3, in rows of several: $4 characters for each order, in the order of
-- the ids. The rows are locked before they are read: another customer's erasure may be at the same ones.
WITH mine AS (
    SELECT DISTINCT row_no
      FROM outbox
     CROSS JOIN LATERAL unnest(order_ids) AS one (order_id)
     WHERE sale_no = $1
       AND type <= 6
       AND payload IS NOT NULL
       AND cardinality(order_ids) > 1
       AND order_id BETWEEN $2::uuid AND $3::uuid),
told AS MATERIALIZED (
    SELECT row_no, order_ids, payload->>'clients' AS clients
      FROM outbox
      JOIN mine USING (row_no)
     WHERE sale_no = $1
     ORDER BY row_no
       FOR UPDATE OF outbox),
erased AS (
    SELECT row_no,
           string_agg(CASE WHEN order_id BETWEEN $2::uuid AND $3::uuid THEN repeat('-', $4::integer)
                           ELSE substr(clients, $4::integer * (place::integer - 1) + 1, $4::integer) END,
                      '' ORDER BY place) AS clients
      FROM told
     CROSS JOIN LATERAL unnest(order_ids) WITH ORDINALITY AS one (order_id, place)
     WHERE clients IS NOT NULL
     GROUP BY row_no)
UPDATE outbox
   SET payload = jsonb_set(payload::jsonb, '{clients}', to_jsonb(erased.clients))::json
  FROM erased
 WHERE outbox.sale_no = $1 AND outbox.row_no = erased.row_no;
