-- Where a row of the line does not begin where the one before it ends. The line begins behind gone_until and ends at
-- last_position.
WITH line AS (
    SELECT position, position + events AS next FROM outbox WHERE position > (SELECT gone_until FROM event_line)
     UNION ALL
    SELECT last_position + 1, last_position + 1 FROM event_line),
followed AS (
    SELECT position, lag(next, 1, (SELECT gone_until + 1 FROM event_line)) OVER (ORDER BY position, next) AS wanted
      FROM line)
SELECT wanted, position - 1 FROM followed WHERE position <> wanted ORDER BY position LIMIT 100;
