-- The backend of the connection that this one replaces, if it is still there: one that waits for a synchronous standby
-- does not notice that its client has gone, and keeps its locks and its place among max_connections.
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1::integer AND backend_start = $2::timestamptz;
