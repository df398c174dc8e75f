-- The roles and the database of flashsaled, for psql as a superuser; scripts/make_database runs it. It may be run
-- again: passwords become the given ones, and nothing else changes.
--
--   flashsale         owns the database: `flashsaled migrate` and people. It may make other databases and end the other
--                     role's sessions
--   flashsale_serve   `flashsaled serve` and its other commands. `migrate` grants it what it needs: reading and writing
--                     rows (postgres.serve_role); `flashsaled check` tells when it may do more
--
-- Passwords must not reach the server's log.
SET log_min_duration_statement = -1;
SET log_min_error_statement = panic;
SET log_statement = 'none';
SET client_min_messages = warning;
SELECT 'CREATE ROLE flashsale' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'flashsale') \gexec
SELECT 'CREATE ROLE flashsale_serve' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'flashsale_serve') \gexec
ALTER ROLE flashsale LOGIN CREATEDB PASSWORD :'owner_password';
ALTER ROLE flashsale_serve LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'serve_password';
GRANT pg_monitor, flashsale_serve TO flashsale;
SELECT 'CREATE DATABASE flashsale OWNER flashsale'
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'flashsale') \gexec
