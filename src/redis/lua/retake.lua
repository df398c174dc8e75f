-- Takes the units of an ended order again, for a payment that came late (PROTOCOL R3, R11, R16): first here, with an
-- entry in the pending log so that a crash strands nothing, then in PostgreSQL. Whether the sale is open is not asked:
-- the buyer came in time once.
-- KEYS  fence, items, orders, buyers, log
-- ARGV  1 epoch, 2 identity, 3 deadline us, 4 order id (16 bytes), 5 item number, 6 buyer field, 7 quantity,
--       8 generation, one above the one that was given back, 9 payload with the generation, 10 most entries of the log
-- Reply {'lost'}, {'late'}, {'full'}
--       {'held'}      the earlier generation has not been given back yet
--       {'over'}      this generation was taken, and given back since
--       {'repeated'}  it is taken already
--       {'sold_out'}, {'limit'}
--       {'done', entry id}
local fence = redis.call('HMGET', KEYS[1], 'e', 'i', 'r')
if fence[1] ~= ARGV[1] or fence[2] ~= ARGV[2] or fence[3] then return {'lost'} end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
if now >= tonumber(ARGV[3]) then return {'late'} end

local record = redis.call('HGET', KEYS[3], ARGV[4])
local generation = tonumber(ARGV[8])
if record then
  -- A letter, a stamp of eight bytes, item and quantity of four; then the customer with its length, and the generation.
  local customer_end = 19 + struct.unpack('<I2', record, 18)
  local has = #record > customer_end and struct.unpack('<I2', record, customer_end + 1) or 0
  local held = string.sub(record, 1, 1) == 'h'
  if has >= generation then return {held and 'repeated' or 'over'} end
  if held then return {'held'} end
end

local item = redis.call('HMGET', KEYS[2], ARGV[5] .. ':r', ARGV[5] .. ':l')
local quantity = tonumber(ARGV[7])
if tonumber(item[1] or '0') < quantity then return {'sold_out'} end
local total = tonumber(redis.call('HGET', KEYS[4], ARGV[6]) or '0') + quantity
local limit = tonumber(item[2])
if limit > 0 and total > limit then return {'limit'} end
if redis.call('XLEN', KEYS[5]) >= tonumber(ARGV[10]) then return {'full'} end

local stamp = struct.pack('<I8', now)
redis.call('HINCRBY', KEYS[2], ARGV[5] .. ':r', -quantity)
-- For the audit, which counts orders by when they were accepted first: this item has moved.
redis.call('HINCRBY', KEYS[2], ARGV[5] .. ':v', 1)
redis.call('HINCRBY', KEYS[1], 'm', 1)
redis.call('HSET', KEYS[3], ARGV[4], 'h' .. (record and string.sub(record, 2, 9) or stamp) .. ARGV[9])
redis.call('HSET', KEYS[4], ARGV[6], total)
return {'done', redis.call('XADD', KEYS[5], '*', 't', stamp, 'p', ARGV[4] .. ARGV[9])}
