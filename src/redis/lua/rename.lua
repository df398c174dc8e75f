-- Puts a pseudonym in the place of the customer of some orders, whoever it is, in all that is kept of them here. Their
-- state, units and moments stay, so nothing that is counted or promised changes, and no rebuild is needed.
-- KEYS  fence, orders, buyers
-- ARGV  1 epoch, 2 identity, 3 pseudonym, then order ids (16 bytes each)
-- Reply 'lost' or 'done'
local fence = redis.call('HMGET', KEYS[1], 'e', 'i', 'r')
if fence[1] ~= ARGV[1] or fence[2] ~= ARGV[2] or fence[3] then return 'lost' end

local pseudonym = ARGV[3]
local tail = struct.pack('<I2', #pseudonym) .. pseudonym
for at = 4, #ARGV do
  local record = redis.call('HGET', KEYS[2], ARGV[at])
  local letter = record and string.sub(record, 1, 1)
  if letter == 'h' or letter == 'g' or letter == 'r' or letter == 'x' then
    -- As in release.lua: a letter, a stamp of eight bytes, item and quantity of four, then the customer with its
    -- length, and of a cart (whose quantity has its highest bit set) the other lines with their number.
    local customer_end = 19 + struct.unpack('<I2', record, 18)
    local customer = string.sub(record, 20, customer_end)
    if customer ~= pseudonym then
      redis.call('HSET', KEYS[2], ARGV[at], string.sub(record, 1, 17) .. tail .. string.sub(record, customer_end + 1))
      local item, quantity = struct.unpack('<I4I4', record, 10)
      local more = 0
      if quantity >= 2147483648 then
        quantity = quantity - 2147483648
        more = string.byte(record, customer_end + 1)
      end
      for line = 0, more do
        if line > 0 then item, quantity = struct.unpack('<I4I4', record, customer_end + 2 + 8 * (line - 1)) end
        local no = string.format('%.0f', item)
        -- Whatever stands under the name goes with it, and the count of its orders, too.
        redis.call('HDEL', KEYS[3], no .. ':' .. customer, ':' .. customer)
        if letter == 'h' or letter == 'g' then
          redis.call('HINCRBY', KEYS[3], no .. ':' .. pseudonym, string.format('%.0f', quantity))
        end
      end
    end
  end
end
return 'done'
