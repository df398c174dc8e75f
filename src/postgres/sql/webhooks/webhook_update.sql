-- Empty, null: that stays. What was paused has not failed meanwhile.
UPDATE webhooks
   SET url = coalesce(NULLIF($2, ''), url),
       types = CASE WHEN $3::boolean THEN $4::text[] ELSE types END,
       is_paused = CASE WHEN $5::integer < 0 THEN is_paused ELSE $5::integer = 1 END,
       failing_since = CASE WHEN is_paused AND $5::integer = 0 THEN NULL ELSE failing_since END
 WHERE webhook_id = $1;
