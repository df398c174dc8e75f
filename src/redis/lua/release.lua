-- Gives an order's units back, once (PROTOCOL R3, R8, R11). The record's state decides: only what is `h`eld, or held
-- a`g`ain, is released.
-- KEYS  fence, items, orders, buyers
-- ARGV  1 epoch, 2 identity, 3 order id (16 bytes), 4 item number, 5 buyer field, 6 quantity,
--       7 '1' to add the units to what remains, '0' when PostgreSQL refused them (they were never there),
--       8 how long units given back to an empty item rest, us,
--       9 generation that is given back: a later one, taken again for a late payment, is not
-- Reply 'lost', 'absent', 'released' (was already) or 'done'
local fence = redis.call('HMGET', KEYS[1], 'e', 'i', 'r')
if fence[1] ~= ARGV[1] or fence[2] ~= ARGV[2] or fence[3] then return 'lost' end

local record = redis.call('HGET', KEYS[3], ARGV[3])
if not record then return 'absent' end
local letter = string.sub(record, 1, 1)
if letter ~= 'h' and letter ~= 'g' then return 'released' end
-- A letter, a stamp of eight bytes, item and quantity of four; then the customer with its length, and the generation.
local customer_end = 19 + struct.unpack('<I2', record, 18)
local generation = #record > customer_end and struct.unpack('<I2', record, customer_end + 1) or 0
-- An earlier one under a later one's end was loaded by an older version, which knows no generations.
if generation > tonumber(ARGV[9]) then return 'released' end

redis.call('HSET', KEYS[3], ARGV[3], 'r' .. string.sub(record, 2))
local left = redis.call('HINCRBY', KEYS[4], ARGV[5], -tonumber(ARGV[6]))
if left <= 0 then redis.call('HDEL', KEYS[4], ARGV[5]) end
if ARGV[7] == '1' then
  local remaining = redis.call('HINCRBY', KEYS[2], ARGV[4] .. ':r', ARGV[6])
  redis.call('HINCRBY', KEYS[2], ARGV[4] .. ':v', 1)
  redis.call('HINCRBY', KEYS[1], 'm', 1)
  if remaining == tonumber(ARGV[6]) then
    local time = redis.call('TIME')
    redis.call('HSET', KEYS[2], ARGV[4] .. ':o',
      string.format('%.0f', time[1] * 1000000 + time[2] + tonumber(ARGV[8])))
  end
end
return 'done'
