-- Redis holds nothing of a sale that was let go.
INSERT INTO erased_names (sale_no, pseudonym, first_order_id)
SELECT $1, $2, $3 FROM sales WHERE sale_no = $1 AND NOT let_go
ON CONFLICT (sale_no, pseudonym) DO NOTHING;
