SELECT disabled_at IS NOT NULL FROM webhooks WHERE webhook_id = $1 FOR UPDATE;
