-- Takes unsold units of an item out of the sale (PROTOCOL R11, R12): first here, with an entry in the pending log so
-- that a crash strands nothing, then in PostgreSQL.
-- KEYS  fence, items, orders, log
-- ARGV  1 epoch, 2 identity, 3 deadline us, 4 item number, 5 units, 6 id of the change (16 bytes), 7 payload of the
--       log entry
-- Reply {'lost'}, {'late'}, {'repeated'}, {'reused'} (the id belongs to another withdrawal), {'not_enough', remaining},
--       {'done', entry id}
local fence = redis.call('HMGET', KEYS[1], 'e', 'i', 'r')
if fence[1] ~= ARGV[1] or fence[2] ~= ARGV[2] or fence[3] then return {'lost'} end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
if now >= tonumber(ARGV[3]) then return {'late'} end
local known = redis.call('HGET', KEYS[3], ARGV[6])
-- A record is a letter and a stamp of eight bytes, then the payload.
if known then return {string.sub(known, 10) == ARGV[7] and 'repeated' or 'reused'} end

local remaining = tonumber(redis.call('HGET', KEYS[2], ARGV[4] .. ':r') or '0')
if remaining < tonumber(ARGV[5]) then return {'not_enough', remaining} end
local stamp = struct.pack('<I8', now)
redis.call('HINCRBY', KEYS[2], ARGV[4] .. ':r', -tonumber(ARGV[5]))
redis.call('HINCRBY', KEYS[2], ARGV[4] .. ':v', 1)
redis.call('HSET', KEYS[3], ARGV[6], 'w' .. stamp .. ARGV[7])
return {'done', redis.call('XADD', KEYS[4], '*', 't', stamp, 'w', ARGV[6] .. ARGV[7])}
