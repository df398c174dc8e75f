-- Only while there are fewer than $6. The line of events is locked, so that two are not counted past each other.
INSERT INTO webhooks (webhook_id, url, types, is_paused, secret)
SELECT $1, $2, $3::text[], $4::boolean, $5
 WHERE (SELECT count(*) FROM webhooks) < $6::bigint;
