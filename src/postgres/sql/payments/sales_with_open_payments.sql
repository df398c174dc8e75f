-- In which sales, after $1, messages wait for their order or for its units: also in such as there are not.
SELECT DISTINCT sale_no
  FROM payment_events
 WHERE outcome <= 1
   AND sale_no > $1
 ORDER BY sale_no
 LIMIT $2;
