SELECT greatest(epoch, begun_anew_above + 1) FROM sales, directory WHERE sale_no = $1;
