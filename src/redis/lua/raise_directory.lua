-- Raises the directory version, never lowers it.
-- KEYS  the directory key
-- ARGV  1 version committed in PostgreSQL
if tonumber(redis.call('GET', KEYS[1]) or '-1') < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
return 'done'
