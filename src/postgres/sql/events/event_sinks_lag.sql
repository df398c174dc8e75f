-- How many events wait for each active sink, what a webhook has parked included, and for how many seconds the oldest of
-- them has. $1: most events of a row.
SELECT name, last_position - told.position + parked,
       extract(epoch FROM greatest(now() - coalesce((SELECT at
                                                       FROM outbox
                                                      WHERE outbox.position > told.first - $1::bigint
                                                        AND outbox.position + events > told.first + 1
                                                      ORDER BY outbox.position
                                                      LIMIT 1), now()), interval '0'))
  FROM (SELECT name, event_sinks.position, count(webhook_retries.position) AS parked,
               least(event_sinks.position, min(webhook_retries.position) - 1) AS first
          FROM event_sinks
          LEFT JOIN webhook_retries ON 'webhook:' || webhook_retries.webhook_id = name
         WHERE is_active
         GROUP BY name, event_sinks.position) AS told
 CROSS JOIN event_line
 ORDER BY name;
