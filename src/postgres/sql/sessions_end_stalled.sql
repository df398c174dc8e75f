-- Ends sessions of this user that have been waiting for their client in the middle of a COPY for longer than any call
-- may take. PostgreSQL runs neither statement_timeout nor the idle time-out while it reads COPY data, so a writer that
-- was lost there would keep its rows' ids locked until its connection is found dead.
SELECT pid, pg_terminate_backend(pid)
  FROM pg_stat_activity
 WHERE datname = current_database()
   AND usename = current_user
   AND application_name LIKE $1 || '%'
   AND state = 'active'
   AND wait_event_type = 'Client'
   AND wait_event = 'ClientRead'
   AND query_start <= clock_timestamp() - $2 * interval '1 millisecond';
