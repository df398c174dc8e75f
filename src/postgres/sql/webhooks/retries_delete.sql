DELETE FROM webhook_retries WHERE webhook_id = $1 AND position = ANY ($2::bigint[]);
