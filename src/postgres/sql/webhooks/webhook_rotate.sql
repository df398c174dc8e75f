-- The secret until now signs, too, for $3 s more.
UPDATE webhooks
   SET previous_secret = secret, previous_until = now() + $3 * interval '1 second', secret = $2
 WHERE webhook_id = $1;
