-- If the epoch still is $2: to the next one, or to the one after $3 if that is more.
UPDATE sales
   SET epoch = greatest(epoch, begun_anew_above + 1, $3) + 1
  FROM directory
 WHERE sale_no = $1 AND greatest(epoch, begun_anew_above + 1) = $2 AND NOT let_go
RETURNING epoch;
