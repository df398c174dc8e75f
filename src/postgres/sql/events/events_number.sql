SELECT last, gone, numbered, is_all FROM number_events($1, $2, $3);
