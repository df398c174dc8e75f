-- Those whose events are not kept any more.
DELETE FROM webhook_retries USING event_line WHERE webhook_id = $1 AND position <= gone_until;
