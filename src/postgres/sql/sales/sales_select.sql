-- The epoch of one that is to begin anew counts as one that Redis was never given.
-- $1: changed after this directory version; $2: after this one, in the order of their creation; $3: at most so many;
-- $4, $5: this one, if given.
SELECT sale_no, sale_id, name, state, starts_at, ends_at, payment, payment_window_s, queue_enabled, queue_rate_per_s,
       queue_prequeue_s, version,
       greatest(epoch, (SELECT begun_anew_above + 1 FROM directory)) AS epoch, created_at, rehearsal,
       let_go,
       archived_at IS NOT NULL AS archived,
       max_orders_per_customer,
       max_quantity_per_order,
       is_draft, payment_attempts, cancellation
  FROM sales
 WHERE directory_version > $1
   AND ($2 = 0 OR (created_at, sale_no) > (SELECT created_at, sale_no FROM sales WHERE sale_no = $2))
   AND ($4 = '' OR sale_id = $4)
   AND ($5 = 0 OR sale_no = $5)
 ORDER BY created_at, sale_no
 LIMIT $3;
