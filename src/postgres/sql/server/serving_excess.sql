-- What the session's role may do beyond serving, a line each, most dangerous first. A superuser may do all of it, and
-- that is said once.
WITH me AS (
  SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user
), relation AS (
  SELECT oid, relname, relowner FROM pg_class
   WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
), found (place, holds, what) AS (
  SELECT 1, rolsuper, 'is a superuser' FROM me
  UNION ALL SELECT 2, rolcreaterole, 'may make roles' FROM me
  UNION ALL SELECT 3, rolcreatedb, 'may make databases' FROM me
  UNION ALL SELECT 4, EXISTS (SELECT FROM relation WHERE pg_has_role(relowner, 'MEMBER')), 'owns tables'
  UNION ALL SELECT 5, has_schema_privilege(current_schema(), 'CREATE'), 'may make tables'
  UNION ALL SELECT 6, EXISTS (SELECT FROM relation WHERE has_table_privilege(oid, 'TRUNCATE')), 'may empty tables'
  UNION ALL SELECT 7, EXISTS (SELECT FROM relation
                               WHERE relname = 'admin_log' AND (has_table_privilege(oid, 'UPDATE')
                                                                OR has_table_privilege(oid, 'DELETE'))),
                   'may change the log of changes'
)
SELECT what FROM found WHERE holds AND (place = 1 OR NOT (SELECT rolsuper FROM me)) ORDER BY place
