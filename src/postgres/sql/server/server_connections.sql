-- Connections that the server has, of all databases, and how many a role without special rights can have.
SELECT (SELECT sum(numbackends) FROM pg_stat_database)::bigint AS used,
       current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint AS most;
