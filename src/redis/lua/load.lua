-- Adds rows of PostgreSQL to the keys of an epoch that is not published yet (PROTOCOL R1, R3). One call for many rows:
-- a command for each would cost Redis twice as much, in its parser and in the AOF.
-- KEYS  orders, buyers (both of the new epoch)
-- ARGV  1 number of orders N, 2 number of buyers B, then for each of N: id (16 bytes), record;
--       then for each of B, the buyers of the live ones among them: field, units;
--       then for each customer: field, orders, those of them that were left unpaid, when the last of those was, us
-- Reply 'OK'
local after_orders = 2 + 2 * tonumber(ARGV[1])
local after_buyers = after_orders + 2 * tonumber(ARGV[2])
redis.call('HSET', KEYS[1], unpack(ARGV, 3, after_orders))

local fields = {}
for at = after_orders + 1, after_buyers, 2 do fields[#fields + 1] = ARGV[at] end
local buyers = #fields
for at = after_buyers + 1, #ARGV, 4 do fields[#fields + 1] = ARGV[at] end
local stored = redis.call('HMGET', KEYS[2], unpack(fields))
local totals = {}
for n = 1, buyers do
  totals[2 * n - 1] = fields[n]
  totals[2 * n] = tonumber(stored[n] or 0) + tonumber(ARGV[after_orders + 2 * n])
end
for n = buyers + 1, #fields do
  local at = after_buyers + 4 * (n - buyers) - 3
  local placed, unpaid, last = string.match(stored[n] or '0', '^(%d+) ?(%d*) ?(%d*)')
  unpaid = tonumber(unpaid) or 0
  last = math.max(tonumber(last) or 0, tonumber(ARGV[at + 3]))
  totals[2 * n - 1] = fields[n]
  totals[2 * n] = string.format('%d', placed + tonumber(ARGV[at + 1]))
  unpaid = unpaid + tonumber(ARGV[at + 2])
  if unpaid > 0 then totals[2 * n] = string.format('%s %d %.0f', totals[2 * n], unpaid, last) end
end
redis.call('HSET', KEYS[2], unpack(totals))
return 'OK'
