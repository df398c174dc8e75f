-- Ids of sales hold no comma.
SELECT name, enabled, percent, array_to_string(sales, ','), changed_at
  FROM feature_flags
 ORDER BY name;
