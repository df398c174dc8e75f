#!lua flags=allow-oom
-- Gives an order's units back, once (PROTOCOL R3, R8, R11). The record's state decides: only what is `h`eld, or held
-- a`g`ain, is released. Whose the order is, the record says as well: the caller may have read its row before an
-- erasure, and must not bring the name back.
-- KEYS  fence, items, orders, buyers
-- ARGV  1 epoch, 2 identity, 3 order id (16 bytes),
--       4 '1' to add the units to what remains, '2' when moreover the buyer has left the order unpaid, '0' when they
--         were never there; 'x' if PostgreSQL has refused the order for that, so that its key is free,
--       5 how long units given back to an empty item rest, us,
--       6 generation that is given back: a later one, taken again for a late payment, is not,
--       then for each line: item number, quantity
-- Reply 'lost', 'absent', 'released' (was already) or 'done'
local fence = redis.call('HMGET', KEYS[1], 'e', 'i', 'r')
if fence[1] ~= ARGV[1] or fence[2] ~= ARGV[2] or fence[3] then return 'lost' end

local record = redis.call('HGET', KEYS[3], ARGV[3])
if not record then return 'absent' end
local letter = string.sub(record, 1, 1)
if letter ~= 'h' and letter ~= 'g' then return 'released' end
-- A letter, a stamp of eight bytes, item and quantity of four; then the customer with its length, of a cart (whose
-- quantity has its highest bit set) the other lines with their number, and the generation.
local payload_end = 19 + struct.unpack('<I2', record, 18)
local customer = ':' .. string.sub(record, 20, payload_end)
if string.byte(record, 17) >= 128 then payload_end = payload_end + 1 + 8 * string.byte(record, payload_end + 1) end
local generation = #record > payload_end and struct.unpack('<I2', record, payload_end + 1) or 0
-- An earlier one under a later one's end was loaded by an older version, which knows no generations.
if generation > tonumber(ARGV[6]) then return 'released' end

local returns = ARGV[4] == '1' or ARGV[4] == '2'
redis.call('HSET', KEYS[3], ARGV[3], (ARGV[4] == 'x' and 'x' or 'r') .. string.sub(record, 2))
for at = 7, #ARGV, 2 do
  local item, quantity = ARGV[at], ARGV[at + 1]
  local buyer = item .. customer
  local left = redis.call('HINCRBY', KEYS[4], buyer, -tonumber(quantity))
  if left <= 0 then redis.call('HDEL', KEYS[4], buyer) end
  if returns then
    local remaining = redis.call('HINCRBY', KEYS[2], item .. ':r', quantity)
    redis.call('HINCRBY', KEYS[2], item .. ':v', 1)
    if remaining == tonumber(quantity) then
      local time = redis.call('TIME')
      redis.call('HSET', KEYS[2], item .. ':o', string.format('%.0f', time[1] * 1000000 + time[2] + tonumber(ARGV[5])))
    end
  end
end
if returns then redis.call('HINCRBY', KEYS[1], 'm', 1) end
if ARGV[4] == '2' then
  -- As reserve.lua reads it: orders placed, then those left unpaid and when the last of them was.
  local placed, unpaid = string.match(redis.call('HGET', KEYS[4], customer) or '0', '^(%d+) ?(%d*)')
  local time = redis.call('TIME')
  redis.call('HSET', KEYS[4], customer, string.format('%s %d %.0f', placed, tonumber(unpaid) and unpaid + 1 or 1,
    time[1] * 1000000 + time[2]))
end
return 'done'
