-- Redis holds nothing of a sale that was let go.
INSERT INTO erased_names (pseudonym, sale_no)
SELECT $2, sale_no FROM sales WHERE sale_no = ANY ($1::integer[]) AND NOT let_go
ON CONFLICT DO NOTHING;
