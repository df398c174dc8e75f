-- $1: of this pseudonym alone, if given.
SELECT pseudonym, sales.sale_no, sale_id, epoch, let_go
  FROM erased_names
  JOIN sales USING (sale_no)
 WHERE $1 = '' OR pseudonym = $1
 ORDER BY pseudonym, sales.sale_no
 LIMIT $2;
