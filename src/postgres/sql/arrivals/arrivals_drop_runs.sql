-- The run that has just ended keeps its curve for the next one; those before it go.
DELETE FROM arrivals WHERE sale_no = $1 AND reset_epoch < $2;
