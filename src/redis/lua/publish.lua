#!lua flags=allow-oom
-- Last act of a rebuild: the sale is served under the new epoch, if nobody newer was here (PROTOCOL R2).
-- Uses  fence, clock
-- KEYS  fence, items, orders, buyers, log of the new epoch
-- ARGV  1 epoch, 2 identity, 3 state, 4 starts_at us, 5 ends_at us, 6 version, 7 rest before the sale sells again, us:
--       every sold-out mark of an older epoch is dead by then (R8), 8 identity of the PostgreSQL that was read,
--       9 most orders of one customer, 10 number of orders that were loaded, 11 moment of the newest of them, us,
--       then for each item: number, remaining, limit a customer, stock version
-- Reply 'superseded', 'incomplete' when not all that was loaded is there (its keys have expired), or 'published'
local published, rebuilt = unpack(redis.call('HMGET', KEYS[1], EPOCH, REBUILD_EPOCH))
local mine = tonumber(ARGV[1])
if tonumber(published or '0') >= mine or tonumber(rebuilt or '0') ~= mine then return 'superseded' end
if redis.call('HLEN', KEYS[3]) ~= tonumber(ARGV[10]) then return 'incomplete' end
redis.call('PERSIST', KEYS[3])
redis.call('PERSIST', KEYS[4])

local now = clock_us()
local rests_until = '0'
if tonumber(ARGV[7]) > 0 then rests_until = digits(now + tonumber(ARGV[7])) end
-- Of an item: positions from its number.
local REMAINING, LIMIT, STOCK_VERSION, STRIDE = 1, 2, 3, 4
local values = {}
for at = 12, #ARGV, STRIDE do
  local no = ARGV[at]
  -- The version starts above any that an older epoch can have reached, so that no old sold-out mark matches it.
  for _, value in ipairs({no .. ':r', ARGV[at + REMAINING], no .. ':l', ARGV[at + LIMIT],
      no .. ':s', ARGV[at + STOCK_VERSION], no .. ':v', digits(mine * 1000000000), no .. ':o', '0'}) do
    values[#values + 1] = value
  end
  if #values >= 1000 then
    redis.call('HSET', KEYS[2], unpack(values))
    values = {}
  end
end
if #values > 0 then redis.call('HSET', KEYS[2], unpack(values)) end
-- Of a clock that has stepped back since: the log's ids go on from the newest order (see reserve.lua).
local ahead = tonumber(ARGV[11]) - now
if ahead > LOG_AHEAD_MIN and ahead < LOG_AHEAD_MAX then
  local id = digits(math.ceil(tonumber(ARGV[11]) / 1000)) .. '-0'
  redis.call('XDEL', KEYS[5], redis.call('XADD', KEYS[5], id, 't', '', '-', ''))
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], EPOCH, ARGV[1], IDENTITY, ARGV[2], STATE, ARGV[3], STARTS_AT, ARGV[4], ENDS_AT, ARGV[5],
  VERSION, ARGV[6], SELLS_FROM, '0', RESTS_UNTIL, rests_until, POSTGRES, ARGV[8], ORDERS_MAX, ARGV[9])
return 'published'
