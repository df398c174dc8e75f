-- For how many seconds nothing has got through; -1: that is not so.
SELECT coalesce(extract(epoch FROM now() - failing_since), -1) FROM webhooks WHERE webhook_id = $1;
