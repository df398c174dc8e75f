SELECT at, event_id, type, attempt, status, error, time_ms
  FROM webhook_deliveries
 WHERE webhook_id = $1
 ORDER BY delivery_no DESC
 LIMIT $2;
