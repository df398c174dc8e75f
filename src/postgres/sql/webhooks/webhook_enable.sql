UPDATE webhooks SET disabled_at = NULL, disabled_reason = '', failing_since = NULL WHERE webhook_id = $1;
