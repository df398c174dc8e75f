-- One more event of a sale, whose row is locked; its number. $2, $3: the state that it tells, and whether all is sold;
-- -1: of that it says nothing new.
UPDATE sales
   SET events = events + 1,
       told_state = CASE WHEN $2::integer < 0 THEN told_state ELSE $2::integer END,
       told_sold_out = CASE WHEN $3::integer < 0 THEN told_sold_out ELSE $3::integer = 1 END
 WHERE sale_no = $1
RETURNING events;
