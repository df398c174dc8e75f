-- The secret until now signs, too, for $3 s more. Those before it that still do go on with it: the last four, so that
-- none that was given a time loses it to the next. With 0 all of them end.
UPDATE webhooks
   SET secret = $2,
       previous_secret = CASE
           WHEN $3::bigint = 0 THEN ''
           WHEN previous_until > now() AND previous_secret <> ''
               THEN array_to_string((string_to_array(secret || ',' || previous_secret, ','))[1:4], ',')
           ELSE secret END,
       previous_until = CASE
           WHEN $3::bigint = 0 THEN '-infinity'
           ELSE greatest(previous_until, now() + $3::bigint * interval '1 second') END
 WHERE webhook_id = $1;
