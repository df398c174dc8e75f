-- The letters of the fence (what each holds stands in ARCHITECTURE, "What stands in Redis"), and the look at it with
-- which a call of a served sale begins (PROTOCOL R2).
local EPOCH, REBUILD_EPOCH, IDENTITY, POSTGRES = 'e', 'r', 'i', 'p'
local STATE, STARTS_AT, ENDS_AT, VERSION = 's', 'a', 'z', 'v'
local ORDERS_MAX, RESTS_UNTIL, RESTS_ANEW, SELLS_FROM, MOVES = 'c', 'w', 'k', 'f', 'm'

-- False, if the sale is not served under the caller's epoch (ARGV 1) by the server that it means (ARGV 2), or is being
-- rebuilt; else true and the values of these letters.
local function look_at_fence(...)
  local fence = redis.call('HMGET', KEYS[1], EPOCH, IDENTITY, REBUILD_EPOCH, ...)
  if fence[1] ~= ARGV[1] or fence[2] ~= ARGV[2] or fence[3] then return false end
  return true, unpack(fence, 4)
end
