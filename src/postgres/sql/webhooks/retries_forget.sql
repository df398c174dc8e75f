-- What an endpoint has parked, by the name of its sink.
DELETE FROM webhook_retries WHERE 'webhook:' || webhook_id = $1;
