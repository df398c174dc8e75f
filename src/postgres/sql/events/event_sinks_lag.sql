-- How many events wait for each active sink, and for how many seconds the oldest of them has. $1: most events of a row.
SELECT name, last_position - event_sinks.position,
       extract(epoch FROM greatest(now() - coalesce((SELECT at
                                                       FROM outbox
                                                      WHERE outbox.position > event_sinks.position - $1::bigint
                                                        AND outbox.position + events > event_sinks.position + 1
                                                      ORDER BY outbox.position
                                                      LIMIT 1), now()), interval '0'))
  FROM event_sinks
 CROSS JOIN event_line
 WHERE is_active
 ORDER BY name;
