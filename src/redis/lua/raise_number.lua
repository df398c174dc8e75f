#!lua flags=allow-oom
-- Raises a number that PostgreSQL has committed, never lowers it.
-- KEYS  its key
-- ARGV  1 the number
if tonumber(redis.call('GET', KEYS[1]) or '-1') < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
return 'done'
