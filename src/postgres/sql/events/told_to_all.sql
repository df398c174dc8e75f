-- Up to here every active sink has been told: what webhooks have parked is still to come.
SELECT least(last_position,
             (SELECT min(position) FROM event_sinks WHERE is_active),
             (SELECT min(position) - 1
                FROM webhook_retries
                JOIN webhooks ON webhooks.webhook_id = webhook_retries.webhook_id
               WHERE disabled_at IS NULL))
  FROM event_line;
