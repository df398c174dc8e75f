-- Adds rows of PostgreSQL to the keys of an epoch that is not published yet (PROTOCOL R1, R3). One call for many rows:
-- a command for each would cost Redis twice as much, in its parser and in the AOF. Until they are published the keys
-- have an expiry: whoever dies over a load leaves no names behind for good.
-- Uses  fence
-- KEYS  fence, orders, buyers (both of the new epoch)
-- ARGV  1 the rebuilder's epoch, 2 how long the keys may lie, ms, 3 number of orders N, 4 number of units fields U,
--       then for each of N: id (16 bytes), record;
--       then for each of U: units field, units of the live ones among them;
--       then for each customer: field, orders, those of them that were left unpaid, when the last of those was, us
-- Reply 'superseded' when the fence is not closed for this epoch (any more), else 'OK'
if redis.call('HGET', KEYS[1], REBUILD_EPOCH) ~= ARGV[1] then return 'superseded' end
local after_orders = 4 + 2 * tonumber(ARGV[3])
local after_units = after_orders + 2 * tonumber(ARGV[4])
redis.call('HSET', KEYS[2], unpack(ARGV, 5, after_orders))

local fields = {}
for at = after_orders + 1, after_units, 2 do fields[#fields + 1] = ARGV[at] end
local units_count = #fields
-- Of a customer: positions from the first of each.
local COUNT, UNPAID, LAST_UNPAID, STRIDE = 1, 2, 3, 4
for at = after_units + 1, #ARGV, STRIDE do fields[#fields + 1] = ARGV[at] end
local stored = redis.call('HMGET', KEYS[3], unpack(fields))
local totals = {}
for n = 1, units_count do
  totals[2 * n - 1] = fields[n]
  totals[2 * n] = tonumber(stored[n] or 0) + tonumber(ARGV[after_orders + 2 * n])
end
for n = units_count + 1, #fields do
  local at = after_units + 1 + STRIDE * (n - units_count - 1)
  local placed, unpaid, last = string.match(stored[n] or '0', '^(%d+) ?(%d*) ?(%d*)')
  unpaid = tonumber(unpaid) or 0
  last = math.max(tonumber(last) or 0, tonumber(ARGV[at + LAST_UNPAID]))
  totals[2 * n - 1] = fields[n]
  totals[2 * n] = string.format('%d', placed + tonumber(ARGV[at + COUNT]))
  unpaid = unpaid + tonumber(ARGV[at + UNPAID])
  if unpaid > 0 then totals[2 * n] = string.format('%s %d %.0f', totals[2 * n], unpaid, last) end
end
redis.call('HSET', KEYS[3], unpack(totals))
redis.call('PEXPIRE', KEYS[2], ARGV[2])
redis.call('PEXPIRE', KEYS[3], ARGV[2])
return 'OK'
