-- Ends sessions of this user whose client must be gone: they have been waiting for it in the middle of a COPY, or for a
-- synchronous standby, for longer than any call may take. PostgreSQL runs neither statement_timeout nor the idle
-- time-out there, so a writer that was lost would keep its rows' ids locked until its connection is found dead.
SELECT pid, pg_terminate_backend(pid)
  FROM pg_stat_activity
 WHERE datname = current_database()
   AND usename = current_user
   AND application_name LIKE $1 || '%'
   AND state = 'active'
   AND (wait_event_type, wait_event) IN (('Client', 'ClientRead'), ('IPC', 'SyncRep'))
   AND query_start <= clock_timestamp() - $2 * interval '1 millisecond';
