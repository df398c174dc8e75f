-- reset_val: what a session of this user gets before it sets its own.
SELECT current_setting('fsync') = 'on' AS fsync,
       current_setting('full_page_writes') = 'on' AS full_page_writes,
       (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit') AS synchronous_commit,
       current_setting('server_version_num')::integer AS server_version,
       pg_is_in_recovery() AS in_recovery;
