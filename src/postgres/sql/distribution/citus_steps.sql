-- The statements that are still to be run, in order, so that a sale's rows lie on one shard of a Citus cluster.
-- What is of a sale is distributed by it, all alike, so that joins and transactions of one sale stay on one shard. What
-- is read together with that, or changed in one transaction with it, is a reference table; the rest belongs to the
-- coordinator, with metadata, since a plain local table would make a transaction with a shard not atomic.
WITH step (place, relation, kind) AS (
    VALUES (1, 'directory', 'reference'),
           (2, 'sales', 'reference'),
           (2, 'event_line', 'reference'),
           (3, 'orders', 'first of a sale'),
           (4, 'items', 'of a sale'),
           (5, 'archived_orders', 'of a sale'),
           (6, 'stock_changes', 'of a sale'),
           (7, 'refused_withdrawals', 'of a sale'),
           (8, 'payment_events', 'of a sale'),
           (9, 'refunds', 'of a sale'),
           (10, 'outbox', 'of a sale'),
           (11, 'refusals', 'of a sale'),
           (12, 'rehearsal_orders', 'of a sale'),
           (13, 'erased_names', 'of a sale'),
           (14, 'arrivals', 'of a sale'),
           (13, 'customer_behaviour', 'of a sale'),
           (14, 'event_sinks', 'of the coordinator'),
           (14, 'feature_flags', 'of the coordinator'),
           (14, 'webhooks', 'of the coordinator'),
           (14, 'webhook_retries', 'of the coordinator'),
           (14, 'webhook_deliveries', 'of the coordinator'),
           (15, 'foreign_payments', 'of the coordinator'),
           (16, 'admin_log', 'of the coordinator'),
           (17, 'server_marks', 'of the coordinator'),
           (18, 'schema_migrations', 'of the coordinator')
)
SELECT statement
  FROM (SELECT place,
               CASE kind
                   WHEN 'reference' THEN format('SELECT create_reference_table(%L)', relation)
                   WHEN 'first of a sale' THEN format('SELECT create_distributed_table(%L, %L)', relation, 'sale_no')
                   WHEN 'of a sale' THEN
                       format('SELECT create_distributed_table(%L, %L, colocate_with => %L)', relation, 'sale_no',
                              'orders')
                   ELSE format('SELECT citus_add_local_table_to_metadata(%L)', relation)
               END AS statement
          FROM step
         WHERE NOT EXISTS (SELECT 1
                             FROM pg_dist_partition
                            WHERE logicalrelid = to_regclass(relation)
                                  -- A foreign key can have made one that is to be distributed the coordinator's.
                              AND (kind = 'of the coordinator' OR partmethod = 'h' OR repmodel = 't'))
         UNION ALL
        -- Each server counts its own transactions.
        SELECT 99, 'UPDATE event_line SET seen_xid = NULL' FROM event_line WHERE seen_xid IS NOT NULL
         UNION ALL
        -- It runs on the worker that has the sale.
        SELECT 100, format('SELECT create_distributed_function(%L, %L, colocate_with => %L)', oid::regprocedure, 'sale',
                           'orders')
          FROM pg_proc
         WHERE proname = 'write_batch'
           AND pronamespace = current_schema()::regnamespace
           AND NOT EXISTS (SELECT 1
                             FROM pg_dist_object
                            WHERE classid = 'pg_proc'::regclass
                              AND objid = pg_proc.oid
                              AND distribution_argument_index IS NOT NULL)) AS left_over
 ORDER BY place;
