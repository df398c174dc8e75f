-- What tells this session's backend from every other one, before and after it.
SELECT pid::text, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid();
