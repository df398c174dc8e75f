-- Bytes of WAL that are on disk. A crash takes none of them away.
SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
             ELSE pg_current_wal_flush_lsn()
        END - '0/0')::bigint;
