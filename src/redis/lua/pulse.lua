-- What every instance wants to know of a sale ten times a second.
-- KEYS  fence, items, orders, log
-- ARGV  1 epoch
-- Reply {'lost', epoch of the fence or '0'}
--       {'ok', now, identity, version, number of order records, entries of the log, id of the oldest entry or '',
--        fields and values of the items, moment until which a rebuilt sale rests or '0', identity of the PostgreSQL
--        that it was read from}
local fence = redis.call('HMGET', KEYS[1], 'e', 'i', 'r', 'v', 'w', 'p')
if fence[1] ~= ARGV[1] or fence[3] then return {'lost', fence[1] or '0'} end
local time = redis.call('TIME')
local oldest = redis.call('XRANGE', KEYS[4], '-', '+', 'COUNT', 1)
return {'ok', string.format('%.0f', time[1] * 1000000 + time[2]), fence[2], fence[4],
  redis.call('HLEN', KEYS[3]), redis.call('XLEN', KEYS[4]), oldest[1] and oldest[1][1] or '',
  redis.call('HGETALL', KEYS[2]), fence[5], fence[6]}
