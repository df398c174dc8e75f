-- A process that did not know better may have made a sink active, or again, for an endpoint that was switched off.
UPDATE event_sinks
   SET is_active = disabled_at IS NULL, changed_at = now()
  FROM webhooks
 WHERE name = 'webhook:' || webhook_id AND is_active <> (disabled_at IS NULL);
