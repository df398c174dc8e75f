#!lua flags=allow-oom
-- Last act of a rebuild: the sale is served under the new epoch, if nobody newer was here (PROTOCOL R2).
-- KEYS  fence, items, orders, buyers, log of the new epoch
-- ARGV  1 epoch, 2 identity, 3 state, 4 starts_at us, 5 ends_at us, 6 version, 7 rest before the sale sells again, us:
--       every sold-out mark of an older epoch is dead by then (R8), 8 identity of the PostgreSQL that was read,
--       9 most orders of one customer, 10 number of orders that were loaded, 11 moment of the newest of them, us,
--       then for each item: number, remaining, limit a customer, stock version
-- Reply 'superseded', 'incomplete' when not all that was loaded is there (its keys have expired), or 'published'
local fence = redis.call('HMGET', KEYS[1], 'e', 'r')
local mine = tonumber(ARGV[1])
if tonumber(fence[1] or '0') >= mine or tonumber(fence[2] or '0') ~= mine then return 'superseded' end
if redis.call('HLEN', KEYS[3]) ~= tonumber(ARGV[10]) then return 'incomplete' end
redis.call('PERSIST', KEYS[3])
redis.call('PERSIST', KEYS[4])

local time = redis.call('TIME')
local resting_until = '0'
if tonumber(ARGV[7]) > 0 then
  resting_until = string.format('%.0f', time[1] * 1000000 + time[2] + tonumber(ARGV[7]))
end
local values = {}
for at = 12, #ARGV, 4 do
  local no = ARGV[at]
  -- The version starts above any that an older epoch can have reached, so that no old sold-out mark matches it.
  for _, value in ipairs({no .. ':r', ARGV[at + 1], no .. ':l', ARGV[at + 2], no .. ':s', ARGV[at + 3],
      no .. ':v', string.format('%.0f', mine * 1000000000), no .. ':o', '0'}) do
    values[#values + 1] = value
  end
  if #values >= 1000 then
    redis.call('HSET', KEYS[2], unpack(values))
    values = {}
  end
end
if #values > 0 then redis.call('HSET', KEYS[2], unpack(values)) end
-- Of a clock that has stepped back since: the log's ids go on from the newest order (see reserve.lua).
local newest, now = tonumber(ARGV[11]), time[1] * 1000000 + time[2]
if newest > now + 10000 and newest < now + 600000000 then
  local id = string.format('%.0f-0', math.ceil(newest / 1000))
  redis.call('XDEL', KEYS[5], redis.call('XADD', KEYS[5], id, 't', '', '-', ''))
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'e', ARGV[1], 'i', ARGV[2], 's', ARGV[3], 'a', ARGV[4], 'z', ARGV[5], 'v', ARGV[6],
  'f', '0', 'w', resting_until, 'p', ARGV[8], 'c', ARGV[9])
return 'published'
