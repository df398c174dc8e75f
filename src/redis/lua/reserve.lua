-- Decides a batch of orders of one sale and takes their units, in one call (PROTOCOL R2, R3, R8-R11, R14, R15).
-- KEYS  fence, items, orders, buyers, log (all but the fence carry the epoch in their name)
-- ARGV  1 epoch, 2 identity of this Redis, 3 deadline (Redis time, us), 4 most entries of the log,
--       5 '0' for new orders; '1' to reserve orders again that the epoch just before this one had accepted, '2' for
--         those of an older one, which may only look for what their key has made since,
--       6 unpaid orders of one customer after which the next wait, or '0', 7 for so long, us,
--       8 number of items I, then I item numbers,
--       then for each line of each order: id (16 bytes), index of its item (1..I), buyer field, quantity, payload.
--       An order's first line has its id and the payload of the whole order; those behind it have neither (''). Of its
--       lines all are taken or none
-- Reply {'lost'}                       the sale is not here under this epoch: nothing was changed
--       {'late', now}                  the deadline has passed: nothing was changed
--       {'ok', now, codes, entry id or '', records of the replays}
--       One letter an order in codes: a accepted, r there already (its record is returned), s sold out, l over the
--       customer's limit, m over the customer's orders, u the customer's last orders were left unpaid, n sale not
--       open, i no such item, o pending log full, w a rebuilt sale rests, x too late to be reserved again.
local fence = redis.call('HMGET', KEYS[1], 'e', 'i', 'r', 's', 'a', 'z', 'f', 'w', 'c', 'k')
if fence[1] ~= ARGV[1] or fence[2] ~= ARGV[2] or fence[3] then return {'lost'} end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
if now >= tonumber(ARGV[3]) then return {'late', string.format('%.0f', now)} end

local state = fence[4]
local again = ARGV[5] ~= '0'
-- A rest that would end later than one that begins now has begun before Redis's clock stepped back. How long ago nobody
-- can tell, so it begins anew. As kRestockRest and kOpeningRest in model/selling_times.hpp.
local restock_rest, opening_rest = 500000, 200000
local rests_anew = fence[10]
local function rest(key, field, moment, duration)
  moment = tonumber(moment)
  if not moment or moment - now <= duration then return moment end
  redis.call('HSET', key, field, string.format('%.0f', now + duration))
  redis.call('HINCRBY', KEYS[1], 'm', 1)
  if field == 'w' then
    rests_anew = '1'
    redis.call('HSET', key, 'k', '1')
  end
  return now + duration
end

-- After a rebuild nothing is sold, nor refused for good, until the sold-out marks of the older epoch are dead (R8, R9).
-- So this is the time in which an order that Redis has lost may be reserved again: its key can have been refused
-- nowhere. (In a rest that begins anew it can.) It came while the sale was open, so the clock is not asked; but nothing
-- comes to life in a sale that was closed.
local resting = now < rest(KEYS[1], 'w', fence[8], restock_rest)
local in_time = ARGV[5] == '1' and resting and not rests_anew and state ~= '3'
local open = now < tonumber(fence[6]) and now >= rest(KEYS[1], 'f', fence[7], opening_rest)
  and (state == '1' or (state == '0' and now >= tonumber(fence[5])))

local item_count = tonumber(ARGV[8])
local first = 9 + item_count
local fields = {}
for i = 1, item_count do
  local no = ARGV[8 + i]
  fields[#fields + 1] = no .. ':r'
  fields[#fields + 1] = no .. ':o'
  fields[#fields + 1] = no .. ':l'
end
local stored = redis.call('HMGET', KEYS[2], unpack(fields))
local remaining, available, limit = {}, {}, {}
for i = 1, item_count do
  local at = i * 3 - 2
  remaining[i] = tonumber(stored[at])
  limit[i] = tonumber(stored[at + 2])
  -- Units given back to an item at 0 rest until every instance's old sold-out mark is dead (R8). That holds for orders
  -- that are reserved again, too: a mark that was made since Redis lost one does not have its id.
  local rests = remaining[i] and now < rest(KEYS[2], ARGV[8 + i] .. ':o', stored[at + 1], restock_rest)
  available[i] = not rests and remaining[i] or 0
end

local ids, buyers, customers = {}, {}, {}
for at = first, #ARGV, 5 do
  ids[#ids + 1] = ARGV[at]
  buyers[#buyers + 1] = ARGV[at + 2]
  customers[#customers + 1] = string.match(ARGV[at + 2], ':.*')
end
local count = #ids
local totals_of = {}
for n = 1, count do
  totals_of[n] = buyers[n]
  totals_of[count + n] = customers[n]
end
local known = redis.call('HMGET', KEYS[3], unpack(ids))
local owned = redis.call('HMGET', KEYS[4], unpack(totals_of))
local room = redis.call('XLEN', KEYS[5]) < tonumber(ARGV[4])

-- Orders that a customer has placed, ended ones too (else one customer could fill both stores), and behind that those
-- that were left unpaid and when the last of them was. An order that is reserved again has been accepted before.
local orders_max = fence[9] and tonumber(fence[9]) or math.huge
local unpaid_max = tonumber(ARGV[6])
local placed_of, unpaid_of = {}, {}
local function refuses_customer(n)
  local customer = customers[n]
  if not placed_of[customer] then
    local placed, unpaid = string.match(owned[count + n] or '0', '^(%d+)(.*)')
    placed_of[customer], unpaid_of[customer] = tonumber(placed), unpaid
  end
  if again then return nil end
  if placed_of[customer] >= orders_max then return 'm' end
  if unpaid_max == 0 or unpaid_of[customer] == '' then return nil end
  local unpaid, last = string.match(unpaid_of[customer], ' (%d+) (%d+)')
  if tonumber(unpaid) % unpaid_max == 0 and tonumber(unpaid) > 0 and now < tonumber(last) + tonumber(ARGV[7]) then
    return 'u'
  end
  return nil
end

local stamp = struct.pack('<I8', now)
local codes, replays, orders, totals, packed = {}, {}, {}, {}, {}
local kind = 'o'
local total_of = {}
local freed = 0
local n = 1
while n <= count do
  local last = n
  while ids[last + 1] == '' do last = last + 1 end
  local code
  -- What was refused is no order, its key is free for another try. Only an order that is reserved again meets its own
  -- refusal.
  local was_refused = known[n] and string.byte(known[n]) == 120
  if known[n] and (again or not was_refused) then
    code = 'r'
    replays[#replays + 1] = known[n]
  elseif again and not in_time then
    code = 'x'
  elseif resting and not again then
    code = 'w'
  elseif not open and not again then
    code = 'n'
  else
    code = room and 'a' or 'o'
    for line = n, last do
      local at = first + (line - 1) * 5
      local item = tonumber(ARGV[at + 1])
      local quantity = tonumber(ARGV[at + 3])
      if not remaining[item] then
        code = 'i'
        break
      elseif available[item] <= 0 then
        code = 's'
        break
      elseif limit[item] > 0 and (total_of[buyers[line]] or tonumber(owned[line]) or 0) + quantity > limit[item] then
        code = 'l'
        break
      elseif available[item] < quantity then
        code = 's'
        break
      end
    end
    if code == 'a' then code = refuses_customer(n) or 'a' end
    if code == 'a' then
      local customer = customers[n]
      -- The refused order of the same key counts already.
      placed_of[customer] = placed_of[customer] + (was_refused and 0 or 1)
      totals[#totals + 1] = customer
      totals[#totals + 1] = string.format('%.0f', placed_of[customer]) .. unpaid_of[customer]
      for line = n, last do
        local at = first + (line - 1) * 5
        local item = tonumber(ARGV[at + 1])
        local quantity = tonumber(ARGV[at + 3])
        local buyer = buyers[line]
        local total = (total_of[buyer] or tonumber(owned[line]) or 0) + quantity
        remaining[item] = remaining[item] - quantity
        available[item] = available[item] - quantity
        total_of[buyer] = total
        totals[#totals + 1] = buyer
        totals[#totals + 1] = total
      end
      local payload = ARGV[first + (n - 1) * 5 + 4]
      orders[#orders + 1] = ids[n]
      orders[#orders + 1] = 'h' .. stamp .. payload
      packed[#packed + 1] = ids[n] .. payload
      if last > n then kind = 'c' end
      if was_refused then freed = freed + 1 end
    end
  end
  codes[#codes + 1] = code
  n = last + 1
end

local entry = ''
if #packed > 0 then
  local changed = {}
  for i = 1, item_count do
    if remaining[i] then
      changed[#changed + 1] = ARGV[8 + i] .. ':r'
      changed[#changed + 1] = remaining[i]
    end
  end
  redis.call('HSET', KEYS[2], unpack(changed))
  redis.call('HSET', KEYS[3], unpack(orders))
  redis.call('HSET', KEYS[4], unpack(totals))
  -- For the pulse, which tells by the number of records whether an item has moved.
  if freed > 0 then redis.call('HINCRBY', KEYS[1], 'm', freed) end
  entry = redis.call('XADD', KEYS[5], '*', 't', stamp, kind, table.concat(packed))
  -- Ids of the log never go back, whatever the clock does. When they are ahead of it, it has stepped back: orders are
  -- then counted on from the log's last moment, so that whoever holds them against a moment (R17) finds what was
  -- accepted before it before, and the rest after. See audit.lua; a clock that is off by more is not waited for.
  local ms = tonumber(string.match(entry, '^%d+'))
  if ms * 1000 > now + 10000 and ms * 1000 < now + 600000000 then
    local number = tonumber(string.match(entry, '%d+$')) + 1
    redis.call('XDEL', KEYS[5], entry)
    now = ms * 1000 + 1000 + number
    stamp = struct.pack('<I8', now)
    entry = redis.call('XADD', KEYS[5], string.format('%.0f-%d', ms, number), 't', stamp, kind, table.concat(packed))
    for at = 2, #orders, 2 do orders[at] = 'h' .. stamp .. string.sub(orders[at], 10) end
    redis.call('HSET', KEYS[3], unpack(orders))
  end
end

return {'ok', string.format('%.0f', now), table.concat(codes), entry, replays}
