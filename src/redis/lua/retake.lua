-- Takes the units of an ended order again, for a payment that came late (PROTOCOL R3, R11, R16): first here, with an
-- entry in the pending log so that a crash strands nothing, then in PostgreSQL. Whether the sale is open is not asked:
-- the buyer came in time once. Whose the order is, its record says: the caller may have read its row before an erasure.
-- Uses  fence, clock, record
-- KEYS  fence, items, orders, buyers, log
-- ARGV  1 epoch, 2 identity, 3 deadline us, 4 order id (16 bytes), 5 generation that the row has,
--       6 payload without a generation, 7 most entries of the log,
--       then for each line: item number, quantity. All are taken or none
-- Reply {'lost'}, {'late'}, {'full'}
--       {'held'}                  what the row has has not been given back yet
--       {'repeated', generation}  it is taken already
--       {'sold_out'}, {'limit'}
--       {'done', generation, entry id}
--       The new generation is above that of the row and of every one that was taken here before and given back.
if not look_at_fence() then return {'lost'} end
local now = clock_us()
if now >= tonumber(ARGV[3]) then return {'late'} end

local record = redis.call('HGET', KEYS[3], ARGV[4])
local generation = tonumber(ARGV[5])
local payload = ARGV[6]
-- The customer with its length in front, in a payload: a record without its letter and stamp.
local owner = string.sub(payload, 9, 10 + struct.unpack('<I2', payload, 9))
if record then
  local of_record = string.sub(record, CUSTOMER_LENGTH_AT, customer_end_of(record))
  payload = string.sub(payload, 1, 8) .. of_record .. string.sub(payload, 9 + #owner)
  owner = of_record
  local has = generation_of(record)
  if is_held(record) then
    if has > generation then return {'repeated', has} end
    return {'held'}
  end
  generation = math.max(generation, has)
end
generation = generation + 1

local customer = ':' .. string.sub(owner, 3)
local totals = {}
-- Of a line: its quantity stands behind the number of its item.
local FIRST_LINE, QUANTITY, STRIDE = 8, 1, 2
for at = FIRST_LINE, #ARGV, STRIDE do
  local item = redis.call('HMGET', KEYS[2], ARGV[at] .. ':r', ARGV[at] .. ':l')
  local quantity = tonumber(ARGV[at + QUANTITY])
  if tonumber(item[1] or '0') < quantity then return {'sold_out'} end
  local total = tonumber(redis.call('HGET', KEYS[4], ARGV[at] .. customer) or '0') + quantity
  local limit = tonumber(item[2])
  if limit > 0 and total > limit then return {'limit'} end
  totals[#totals + 1] = ARGV[at] .. customer
  totals[#totals + 1] = total
end
if redis.call('XLEN', KEYS[5]) >= tonumber(ARGV[7]) then return {'full'} end

-- It was not left unpaid after all.
local placed, unpaid, last = string.match(redis.call('HGET', KEYS[4], customer) or '', '^(%d+) (%d+) (%d+)')
if unpaid and tonumber(unpaid) > 0 then
  totals[#totals + 1] = customer
  totals[#totals + 1] = string.format('%s %d %s', placed, unpaid - 1, last)
end

local stamp = struct.pack('<I8', now)
payload = payload .. struct.pack('<I2', generation)
for at = FIRST_LINE, #ARGV, STRIDE do
  redis.call('HINCRBY', KEYS[2], ARGV[at] .. ':r', -tonumber(ARGV[at + QUANTITY]))
  -- For the audit, which counts orders by when they were accepted first: this item has moved.
  redis.call('HINCRBY', KEYS[2], ARGV[at] .. ':v', 1)
end
redis.call('HINCRBY', KEYS[1], MOVES, 1)
-- A letter of its own: an older version, which knows no generations, gives back what is `h`eld, whichever it is.
redis.call('HSET', KEYS[3], ARGV[4], HELD_AGAIN .. (record and string.sub(record, 2, 9) or stamp) .. payload)
redis.call('HSET', KEYS[4], unpack(totals))
return {'done', generation, redis.call('XADD', KEYS[5], '*', 't', stamp, 'p', ARGV[4] .. payload)}
