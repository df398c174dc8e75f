#!lua flags=allow-oom
-- Applies stock change n + 1 of an item, only on n (PROTOCOL R12).
-- Uses  fence, clock
-- KEYS  fence, items
-- ARGV  1 epoch, 2 identity, 3 item number, 4 version of the change, 5 units to add (0 for a withdrawal, whose units
--       were taken before it was written), 6 how long units added to an empty item rest, us (R8)
-- Reply {'lost'}, {'old'}, {'gap', version here}, {'done'}
if not look_at_fence() then return {'lost'} end

local no = ARGV[3]
local item = redis.call('HMGET', KEYS[2], no .. ':s', no .. ':r')
if not item[1] then return {'lost'} end
local version = tonumber(ARGV[4])
if tonumber(item[1]) >= version then return {'old'} end
if tonumber(item[1]) ~= version - 1 then return {'gap', item[1]} end

redis.call('HSET', KEYS[2], no .. ':s', ARGV[4])
redis.call('HINCRBY', KEYS[1], MOVES, 1)
local units = tonumber(ARGV[5])
if units > 0 then
  redis.call('HINCRBY', KEYS[2], no .. ':r', ARGV[5])
  redis.call('HINCRBY', KEYS[2], no .. ':v', 1)
  if tonumber(item[2]) == 0 then
    redis.call('HSET', KEYS[2], no .. ':o', digits(clock_us() + tonumber(ARGV[6])))
  end
end
return {'done'}
