UPDATE webhook_retries
   SET failures = failures + 1, next_at = now() + $3 * interval '1 millisecond'
 WHERE webhook_id = $1 AND position = $2;
