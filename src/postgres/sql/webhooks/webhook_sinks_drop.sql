-- Sinks of endpoints that are not there any more.
DELETE FROM event_sinks
 WHERE kind = 'webhook' AND NOT EXISTS (SELECT 1 FROM webhooks WHERE 'webhook:' || webhook_id = name);
