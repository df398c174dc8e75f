UPDATE sales
   SET name = $2, state = $3, starts_at = $4, ends_at = $5, queue_enabled = $6, queue_rate_per_s = $7,
       queue_prequeue_s = $8, is_draft = $9, cancellation = $10, version = version + 1
 WHERE sale_no = $1;
