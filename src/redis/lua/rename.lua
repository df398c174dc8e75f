-- Puts a pseudonym in the place of the customer of some orders, whoever it is, in all that is kept of them here. Their
-- state, units and moments stay, so nothing that is counted or promised changes, and no rebuild is needed.
-- Uses  fence, record
-- KEYS  fence, orders, buyers
-- ARGV  1 epoch, 2 identity, 3 pseudonym, then order ids (16 bytes each)
-- Reply 'lost' or 'done'
if not look_at_fence() then return 'lost' end

local pseudonym = ARGV[3]
local tail = struct.pack('<I2', #pseudonym) .. pseudonym
for at = 4, #ARGV do
  local record = redis.call('HGET', KEYS[2], ARGV[at])
  local letter = record and string.sub(record, 1, 1)
  if record and (is_held(record) or letter == RELEASED or letter == REFUSED) then
    local customer_end = customer_end_of(record)
    local customer = string.sub(record, CUSTOMER_AT, customer_end)
    if customer ~= pseudonym then
      local renamed = string.sub(record, 1, CUSTOMER_LENGTH_AT - 1) .. tail .. string.sub(record, customer_end + 1)
      redis.call('HSET', KEYS[2], ARGV[at], renamed)
      local item, quantity = struct.unpack('<I4I4', record, FIRST_LINE_AT)
      local more = 0
      if is_cart(record) then
        quantity = quantity - 2147483648
        more = string.byte(record, customer_end + 1)
      end
      for line = 0, more do
        if line > 0 then item, quantity = struct.unpack('<I4I4', record, customer_end + 2 + 8 * (line - 1)) end
        local no = string.format('%.0f', item)
        -- Whatever stands under the name goes with it, and the count of its orders, too.
        redis.call('HDEL', KEYS[3], no .. ':' .. customer, ':' .. customer)
        if is_held(record) then
          redis.call('HINCRBY', KEYS[3], no .. ':' .. pseudonym, string.format('%.0f', quantity))
        end
      end
    end
  end
end
return 'done'
