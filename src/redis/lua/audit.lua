-- One moment of a sale, for the audit (PROTOCOL R17).
-- KEYS  fence, items, log
-- ARGV  1 epoch, 2 identity, 3 most entries of the log
-- Reply {'lost'}, {'too_long', entries} or {'ok', now, fields and values of the items, entries of the log}
local fence = redis.call('HMGET', KEYS[1], 'e', 'i', 'r')
if fence[1] ~= ARGV[1] or fence[2] ~= ARGV[2] or fence[3] then return {'lost'} end
local length = redis.call('XLEN', KEYS[3])
if length > tonumber(ARGV[3]) then return {'too_long', length} end
local time = redis.call('TIME')
return {'ok', string.format('%.0f', time[1] * 1000000 + time[2]), redis.call('HGETALL', KEYS[2]),
  redis.call('XRANGE', KEYS[3], '-', '+')}
