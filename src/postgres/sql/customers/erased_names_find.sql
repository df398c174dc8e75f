-- $1: of this pseudonym alone, if given. $3, $4: after this pseudonym and sale; '' and 0: from the first.
SELECT pseudonym, sales.sale_no, sale_id, epoch, let_go, first_order_id
  FROM erased_names
  JOIN sales ON sales.sale_no = erased_names.sale_no
 WHERE ($1 = '' OR pseudonym = $1)
   AND (pseudonym, sales.sale_no) > ($3, $4)
 ORDER BY pseudonym, sales.sale_no
 LIMIT $2;
