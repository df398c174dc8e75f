UPDATE webhook_retries SET next_at = now() WHERE webhook_id = $1 AND next_at > now();
