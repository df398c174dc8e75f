-- The record of an order, as order_record.hpp has it: a letter, a stamp of eight bytes, item and quantity of the first
-- line (four each), the customer with its length (two) in front. Of a cart, whose first quantity has its highest bit
-- set, the number of the other lines (one) and those. The generation (two), if it is not 0.
local HELD, HELD_AGAIN, RELEASED, REFUSED, WITHDRAWAL = 'h', 'g', 'r', 'x', 'w'
local FIRST_LINE_AT, CUSTOMER_LENGTH_AT, CUSTOMER_AT = 10, 18, 20

local function is_held(record)
  local letter = string.sub(record, 1, 1)
  return letter == HELD or letter == HELD_AGAIN
end

local function is_cart(record) return string.byte(record, CUSTOMER_LENGTH_AT - 1) >= 128 end

-- Where its customer ends.
local function customer_end_of(record)
  return CUSTOMER_AT - 1 + struct.unpack('<I2', record, CUSTOMER_LENGTH_AT)
end

local function generation_of(record)
  local lines_end = customer_end_of(record)
  if is_cart(record) then lines_end = lines_end + 1 + 8 * string.byte(record, lines_end + 1) end
  return #record > lines_end and struct.unpack('<I2', record, lines_end + 1) or 0
end
