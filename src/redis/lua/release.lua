#!lua flags=allow-oom
-- Gives an order's units back, once (PROTOCOL R3, R8, R11). The record's state decides: only what is `h`eld, or held
-- a`g`ain, is released. Whose the order is, the record says as well: the caller may have read its row before an
-- erasure, and must not bring the name back.
-- Uses  fence, clock, record
-- KEYS  fence, items, orders, buyers
-- ARGV  1 epoch, 2 identity, 3 order id (16 bytes),
--       4 '1' to add the units to what remains, '2' when moreover the customer has left the order unpaid, '0' when they
--         were never there; 'x' if PostgreSQL has refused the order for that, so that its key is free,
--       5 how long units given back to an empty item rest, us,
--       6 generation that is given back: a later one, taken again for a late payment, is not,
--       then for each line: item number, quantity
-- Reply 'lost', 'absent', 'released' (was already) or 'done'
if not look_at_fence() then return 'lost' end

local record = redis.call('HGET', KEYS[3], ARGV[3])
if not record then return 'absent' end
if not is_held(record) then return 'released' end
-- An earlier one under a later one's end was loaded by an older version, which knows no generations.
if generation_of(record) > tonumber(ARGV[6]) then return 'released' end
local customer = ':' .. string.sub(record, CUSTOMER_AT, customer_end_of(record))

local returns = ARGV[4] == '1' or ARGV[4] == '2'
redis.call('HSET', KEYS[3], ARGV[3], (ARGV[4] == 'x' and REFUSED or RELEASED) .. string.sub(record, 2))
for at = 7, #ARGV, 2 do
  local item, quantity = ARGV[at], ARGV[at + 1]
  local field = item .. customer
  local left = redis.call('HINCRBY', KEYS[4], field, -tonumber(quantity))
  if left <= 0 then redis.call('HDEL', KEYS[4], field) end
  if returns then
    local remaining = redis.call('HINCRBY', KEYS[2], item .. ':r', quantity)
    redis.call('HINCRBY', KEYS[2], item .. ':v', 1)
    if remaining == tonumber(quantity) then
      redis.call('HSET', KEYS[2], item .. ':o', digits(clock_us() + tonumber(ARGV[5])))
    end
  end
end
if returns then redis.call('HINCRBY', KEYS[1], MOVES, 1) end
if ARGV[4] == '2' then
  -- As reserve.lua reads it: orders placed, then those left unpaid and when the last of them was.
  local placed, unpaid = string.match(redis.call('HGET', KEYS[4], customer) or '0', '^(%d+) ?(%d*)')
  redis.call('HSET', KEYS[4], customer,
    string.format('%s %d %s', placed, tonumber(unpaid) and unpaid + 1 or 1, digits(clock_us())))
end
return 'done'
