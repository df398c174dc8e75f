-- All but the last $2.
DELETE FROM webhook_deliveries
 WHERE webhook_id = $1
   AND delivery_no <= (SELECT delivery_no
                         FROM webhook_deliveries
                        WHERE webhook_id = $1
                        ORDER BY delivery_no DESC
                       OFFSET $2::bigint
                        LIMIT 1);
