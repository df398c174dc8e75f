-- What every instance wants to know of a sale ten times a second.
-- Uses  fence
-- KEYS  fence, items, orders, log
-- ARGV  1 epoch, 2 the state of the items that the caller knows under this epoch, or ''
-- Reply {'lost', epoch of the fence or '0'}
--       {'ok', identity, version, number of order records, entries of the log, id of the oldest entry or '',
--        fields and values of the items, moment until which a rebuilt sale rests or '0', identity of the PostgreSQL
--        that it was read from, state of the items}
--       The items are nil when their state is the one that the caller knows. It is told by what is cheap to read: what
--       takes units adds a record, everything else that moves an item counts in the fence (MOVES). Of a thousand sales
--       most stand still, and a sale's items cost more than all the rest.
local epoch, rebuilt, identity, version, rests_until, postgres, moves = unpack(
  redis.call('HMGET', KEYS[1], EPOCH, REBUILD_EPOCH, IDENTITY, VERSION, RESTS_UNTIL, POSTGRES, MOVES))
if epoch ~= ARGV[1] or rebuilt then return {'lost', epoch or '0'} end
local records = redis.call('HLEN', KEYS[3])
local entries = redis.call('XLEN', KEYS[4])
local oldest = entries > 0 and redis.call('XRANGE', KEYS[4], '-', '+', 'COUNT', 1)[1][1] or ''
local state = records .. ':' .. (moves or '0') .. ':' .. redis.call('HLEN', KEYS[2])
local items = state ~= ARGV[2] and redis.call('HGETALL', KEYS[2])
return {'ok', identity, version, records, entries, oldest, items, rests_until, postgres, state}
