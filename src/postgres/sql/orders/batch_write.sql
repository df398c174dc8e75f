SELECT write_batch($1, $2::uuid[], $3::timestamptz[], $4::integer[], $5::integer[], $6::smallint[], $7::timestamptz[],
                   $8::text[], $9::text[], $10::text[], $11::integer[], $12::bigint[], $13::bigint[],
                   $14::integer[], $15::integer[], $16::smallint[], $17::text[], $18::text[], $19::timestamptz[],
                   $20::text[]);
