-- Takes unsold units of an item out of the sale (PROTOCOL R11, R12): first here, with an entry in the pending log so
-- that a crash strands nothing, then in PostgreSQL.
-- Uses  fence, clock, record
-- KEYS  fence, items, orders, log
-- ARGV  1 epoch, 2 identity, 3 deadline us, 4 item number, 5 units, 6 id of the change (16 bytes), 7 payload of the
--       log entry
-- Reply {'lost'}, {'late'}, {'repeated'}, {'reused'} (the id belongs to another withdrawal), {'not_enough', remaining},
--       {'done', entry id}
if not look_at_fence() then return {'lost'} end
local now = clock_us()
if now >= tonumber(ARGV[3]) then return {'late'} end
local known = redis.call('HGET', KEYS[3], ARGV[6])
-- Its payload begins where an order has its first line.
if known then return {string.sub(known, FIRST_LINE_AT) == ARGV[7] and 'repeated' or 'reused'} end

local remaining = tonumber(redis.call('HGET', KEYS[2], ARGV[4] .. ':r') or '0')
if remaining < tonumber(ARGV[5]) then return {'not_enough', remaining} end
local stamp = struct.pack('<I8', now)
redis.call('HINCRBY', KEYS[2], ARGV[4] .. ':r', -tonumber(ARGV[5]))
redis.call('HINCRBY', KEYS[2], ARGV[4] .. ':v', 1)
redis.call('HSET', KEYS[3], ARGV[6], WITHDRAWAL .. stamp .. ARGV[7])
return {'done', redis.call('XADD', KEYS[4], '*', 't', stamp, 'w', ARGV[6] .. ARGV[7])}
