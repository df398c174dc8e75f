#!lua flags=allow-oom
-- Brings state and times of a sale to a newer version (PROTOCOL R15).
-- KEYS  fence
-- ARGV  1 epoch, 2 identity, 3 version, 4 state, 5 starts_at us, 6 ends_at us, 7 rest before a sale that was shut
--       sells, us: every instance's memory of `not open` is dead by then, so nobody is refused their own order (R9)
-- Reply 'lost', 'old' or 'done'
local fence = redis.call('HMGET', KEYS[1], 'e', 'i', 'r', 'v', 's', 'a', 'z', 'f')
if fence[1] ~= ARGV[1] or fence[2] ~= ARGV[2] or fence[3] then return 'lost' end
if tonumber(fence[4]) >= tonumber(ARGV[3]) then return 'old' end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local was_open = now < tonumber(fence[7]) and (fence[5] == '1' or (fence[5] == '0' and now >= tonumber(fence[6])))
local sellable_from = fence[8]
if not was_open then sellable_from = string.format('%.0f', now + tonumber(ARGV[7])) end
redis.call('HSET', KEYS[1], 'v', ARGV[3], 's', ARGV[4], 'a', ARGV[5], 'z', ARGV[6], 'f', sellable_from)
return 'done'
