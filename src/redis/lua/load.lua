-- Adds rows of PostgreSQL to the keys of an epoch that is not published yet (PROTOCOL R1, R3). One call for many rows:
-- a command for each would cost Redis twice as much, in its parser and in the AOF.
-- KEYS  orders, buyers (both of the new epoch)
-- ARGV  1 number of orders N, then for each: id (16 bytes), record;
--       then for each buyer of the live ones among them: field, units
-- Reply 'OK'
local after_orders = 1 + 2 * tonumber(ARGV[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 2, after_orders))

local buyers = {}
for at = after_orders + 1, #ARGV, 2 do buyers[#buyers + 1] = ARGV[at] end
if #buyers > 0 then
  local owned = redis.call('HMGET', KEYS[2], unpack(buyers))
  local totals = {}
  for n = 1, #buyers do
    totals[2 * n - 1] = buyers[n]
    totals[2 * n] = tonumber(owned[n] or 0) + tonumber(ARGV[after_orders + 2 * n])
  end
  redis.call('HSET', KEYS[2], unpack(totals))
end
return 'OK'
