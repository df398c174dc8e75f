-- Sessions that hold the lock of this number.
SELECT count(*)
  FROM pg_locks
 WHERE locktype = 'advisory'
   AND granted
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND classid = $1::bigint::oid
   AND objid = (hashtext(current_schema())::bigint & 4294967295)::oid;
