-- The statements that are still to be run, as the owner, so that a role can serve, and not change what it has logged.
--   $1 the role
WITH relation AS (
  SELECT oid, relname, relkind,
         has_table_privilege($1, oid, 'SELECT') AS can_read,
         has_table_privilege($1, oid, 'INSERT') AS can_add,
         has_table_privilege($1, oid, 'UPDATE') AND has_table_privilege($1, oid, 'DELETE') AS can_change,
         has_table_privilege($1, oid, 'UPDATE') OR has_table_privilege($1, oid, 'DELETE') AS can_change_any
    FROM pg_class
   WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v')
), sequence AS (
  SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'S'
)
SELECT format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), $1)
 WHERE NOT has_schema_privilege($1, current_schema(), 'USAGE')
UNION ALL
SELECT format('GRANT SELECT ON %s TO %I', oid::regclass, $1)
  FROM relation WHERE NOT can_read
UNION ALL
SELECT format('GRANT INSERT, UPDATE, DELETE ON %s TO %I', oid::regclass, $1)
  FROM relation WHERE relkind <> 'v' AND relname NOT IN ('admin_log', 'schema_migrations')
                  AND NOT (can_add AND can_change)
UNION ALL
SELECT format('GRANT INSERT ON %s TO %I', oid::regclass, $1)
  FROM relation WHERE relname = 'admin_log' AND NOT can_add
UNION ALL
SELECT format('REVOKE UPDATE, DELETE ON %s FROM %I', oid::regclass, $1)
  FROM relation WHERE relname = 'admin_log' AND can_change_any
UNION ALL
SELECT format('REVOKE INSERT, UPDATE, DELETE ON %s FROM %I', oid::regclass, $1)
  FROM relation WHERE relname = 'schema_migrations' AND (can_add OR can_change_any)
UNION ALL
SELECT format('GRANT USAGE, SELECT ON SEQUENCE %s TO %I', oid::regclass, $1)
  FROM sequence WHERE NOT (has_sequence_privilege($1, oid, 'USAGE') AND has_sequence_privilege($1, oid, 'SELECT'))
UNION ALL
SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', oid::regprocedure, $1)
  FROM pg_proc
 WHERE pronamespace = current_schema()::regnamespace AND prokind = 'f'
   AND pg_get_userbyid(proowner) = current_user AND NOT has_function_privilege($1, oid, 'EXECUTE')
