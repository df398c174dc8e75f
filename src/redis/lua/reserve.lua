-- Decides a batch of orders of one sale and takes their units, in one call (PROTOCOL R2, R3, R8-R11, R14, R15).
-- Uses  fence, clock, record, times
-- KEYS  fence, items, orders, buyers, log (all but the fence carry the epoch in their name)
-- ARGV  1 epoch, 2 identity of this Redis, 3 deadline (Redis time, us), 4 most entries of the log,
--       5 '0' for new orders; '1' to reserve orders again that the epoch just before this one had accepted, '2' for
--         those of an older one, which may only look for what their key has made since; '3' for replays only: an order
--         that is there is answered as ever, and nothing new is taken,
--       6 unpaid orders of one customer after which the next wait, or '0', 7 for so long, us,
--       8 hashes of where the orders come from, 32 digits for each, `-` for one that has none; '' when none has one,
--       9 number of items I, then I item numbers,
--       then for each line of each order: id (16 bytes), index of its item (1..I), units field, quantity, payload.
--       An order's first line has its id and the payload of the whole order; those behind it have neither (''). Of its
--       lines all are taken or none
-- Reply {'lost'}                       the sale is not here under this epoch: nothing was changed
--       {'late', now}                  the deadline has passed: nothing was changed
--       {'ok', now, codes, entry id or '', records of the replays}
--       One letter an order in codes: a accepted, r there already (its record is returned), s sold out, l over the
--       customer's limit, m over the customer's orders, u the customer's last orders were left unpaid, n sale not
--       open, i no such item, o pending log full, w a rebuilt sale rests, x too late to be reserved again, k no order
--       there and none taken (replays only).
local served, state, starts_at, ends_at, sells_from, rests_until, customer_orders_max, rests_anew =
  look_at_fence(STATE, STARTS_AT, ENDS_AT, SELLS_FROM, RESTS_UNTIL, ORDERS_MAX, RESTS_ANEW)
if not served then return {'lost'} end

local now = clock_us()
if now >= tonumber(ARGV[3]) then return {'late', digits(now)} end

local log_entries_max, mode = tonumber(ARGV[4]), ARGV[5]
local unpaid_max, unpaid_pause = tonumber(ARGV[6]), tonumber(ARGV[7])
local again = mode == '1' or mode == '2'
local replay_only = mode == '3'
-- A rest that would end later than one that begins now has begun before Redis's clock stepped back. How long ago nobody
-- can tell, so it begins anew.
local function rest(key, field, moment, duration)
  moment = tonumber(moment)
  if not moment or moment - now <= duration then return moment end
  redis.call('HSET', key, field, digits(now + duration))
  redis.call('HINCRBY', KEYS[1], MOVES, 1)
  if field == RESTS_UNTIL then
    rests_anew = '1'
    redis.call('HSET', key, RESTS_ANEW, '1')
  end
  return now + duration
end

-- After a rebuild nothing is sold, nor refused for good, until the sold-out marks of the older epoch are dead (R8, R9).
-- So this is the time in which an order that Redis has lost may be reserved again: its key can have been refused
-- nowhere. (In a rest that begins anew it can.) It came while the sale was open, so the clock is not asked; but nothing
-- comes to life in a sale that was closed.
local resting = now < rest(KEYS[1], RESTS_UNTIL, rests_until, RESTOCK_REST)
local in_time = mode == '1' and resting and not rests_anew and state ~= '3'
local open = now < tonumber(ends_at) and now >= rest(KEYS[1], SELLS_FROM, sells_from, OPENING_REST)
  and (state == '1' or (state == '0' and now >= tonumber(starts_at)))

local item_count = tonumber(ARGV[9])
local item_no_of = 9  -- behind it the items' numbers stand
local first = item_no_of + item_count + 1
-- Of a line of an order: positions from its first argument, the id.
local ITEM, UNITS_FIELD, QUANTITY, PAYLOAD, STRIDE = 1, 2, 3, 4, 5
local fields = {}
for i = 1, item_count do
  local no = ARGV[item_no_of + i]
  fields[#fields + 1] = no .. ':r'
  fields[#fields + 1] = no .. ':o'
  fields[#fields + 1] = no .. ':l'
end
local stored = redis.call('HMGET', KEYS[2], unpack(fields))
local remaining, available, limit = {}, {}, {}
for i = 1, item_count do
  local amount, sells_again_from, limit_of_item = unpack(stored, i * 3 - 2, i * 3)
  remaining[i] = tonumber(amount)
  limit[i] = tonumber(limit_of_item)
  -- Units given back to an item at 0 rest until every instance's old sold-out mark is dead (R8). That holds for orders
  -- that are reserved again, too: a mark that was made since Redis lost one does not have its id.
  local rests = remaining[i] and now < rest(KEYS[2], ARGV[item_no_of + i] .. ':o', sells_again_from, RESTOCK_REST)
  available[i] = not rests and remaining[i] or 0
end

local ids, units_fields, customers = {}, {}, {}
for at = first, #ARGV, STRIDE do
  ids[#ids + 1] = ARGV[at]
  units_fields[#units_fields + 1] = ARGV[at + UNITS_FIELD]
  customers[#customers + 1] = string.match(ARGV[at + UNITS_FIELD], ':.*')
end
local count = #ids
local totals_of = {}
for n = 1, count do
  totals_of[n] = units_fields[n]
  totals_of[count + n] = customers[n]
end
local known = redis.call('HMGET', KEYS[3], unpack(ids))
local owned = redis.call('HMGET', KEYS[4], unpack(totals_of))
local room = redis.call('XLEN', KEYS[5]) < log_entries_max

-- Orders that a customer has placed, ended ones too (else one customer could fill both stores), and behind that those
-- that were left unpaid and when the last of them was. An order that is reserved again has been accepted before.
local orders_max = customer_orders_max and tonumber(customer_orders_max) or math.huge
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
  if tonumber(unpaid) % unpaid_max == 0 and tonumber(unpaid) > 0 and now < tonumber(last) + unpaid_pause then
    return 'u'
  end
  return nil
end

local stamp = struct.pack('<I8', now)
local codes, replays, orders, totals, packed, clients = {}, {}, {}, {}, {}, {}
local hashes, HASH_DIGITS = ARGV[8], 32
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
  local was_refused = known[n] and string.sub(known[n], 1, 1) == REFUSED
  if known[n] and (again or not was_refused) then
    code = 'r'
    replays[#replays + 1] = known[n]
  elseif again and not in_time then
    code = 'x'
  elseif resting and not again then
    code = 'w'
  elseif replay_only then
    code = 'k'
  elseif not open and not again then
    code = 'n'
  else
    code = room and 'a' or 'o'
    for line = n, last do
      local at = first + (line - 1) * STRIDE
      local item = tonumber(ARGV[at + ITEM])
      local quantity = tonumber(ARGV[at + QUANTITY])
      if not remaining[item] then
        code = 'i'
        break
      elseif available[item] <= 0 then
        code = 's'
        break
      elseif limit[item] > 0
        and (total_of[units_fields[line]] or tonumber(owned[line]) or 0) + quantity > limit[item] then
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
      totals[#totals + 1] = digits(placed_of[customer]) .. unpaid_of[customer]
      for line = n, last do
        local at = first + (line - 1) * STRIDE
        local item = tonumber(ARGV[at + ITEM])
        local quantity = tonumber(ARGV[at + QUANTITY])
        local field = units_fields[line]
        local total = (total_of[field] or tonumber(owned[line]) or 0) + quantity
        remaining[item] = remaining[item] - quantity
        available[item] = available[item] - quantity
        total_of[field] = total
        totals[#totals + 1] = field
        totals[#totals + 1] = total
      end
      local payload = ARGV[first + (n - 1) * STRIDE + PAYLOAD]
      orders[#orders + 1] = ids[n]
      orders[#orders + 1] = HELD .. stamp .. payload
      packed[#packed + 1] = ids[n] .. payload
      if hashes ~= '' then
        clients[#clients + 1] = string.sub(hashes, #codes * HASH_DIGITS + 1, (#codes + 1) * HASH_DIGITS)
      end
      if last > n then kind = 'c' end
      if was_refused then freed = freed + 1 end
    end
  end
  codes[#codes + 1] = code
  n = last + 1
end

-- In the log alone, which forgets an order when it is written: only whoever writes it has to tell where it came from.
local function add_entry(id)
  local fields = {'t', stamp, kind, table.concat(packed)}
  if hashes ~= '' then
    fields[5] = 'a'
    fields[6] = table.concat(clients)
  end
  return redis.call('XADD', KEYS[5], id, unpack(fields))
end

local entry = ''
if #packed > 0 then
  local changed = {}
  for i = 1, item_count do
    if remaining[i] then
      changed[#changed + 1] = ARGV[item_no_of + i] .. ':r'
      changed[#changed + 1] = remaining[i]
    end
  end
  redis.call('HSET', KEYS[2], unpack(changed))
  redis.call('HSET', KEYS[3], unpack(orders))
  redis.call('HSET', KEYS[4], unpack(totals))
  -- For the pulse, which tells by the number of records whether an item has moved.
  if freed > 0 then redis.call('HINCRBY', KEYS[1], MOVES, freed) end
  entry = add_entry('*')
  -- Ids of the log never go back, whatever the clock does. When they are ahead of it, it has stepped back: orders are
  -- then counted on from the log's last moment, so that whoever holds them against a moment (R17) finds what was
  -- accepted before it before, and the rest after. See audit.lua; a clock that is off by more is not waited for.
  local ms = tonumber(string.match(entry, '^%d+'))
  local ahead = ms * 1000 - now
  if ahead > LOG_AHEAD_MIN and ahead < LOG_AHEAD_MAX then
    local number = tonumber(string.match(entry, '%d+$')) + 1
    redis.call('XDEL', KEYS[5], entry)
    now = ms * 1000 + 1000 + number
    stamp = struct.pack('<I8', now)
    entry = add_entry(digits(ms) .. '-' .. digits(number))
    for at = 2, #orders, 2 do orders[at] = HELD .. stamp .. string.sub(orders[at], FIRST_LINE_AT) end
    redis.call('HSET', KEYS[3], unpack(orders))
  end
end

return {'ok', digits(now), table.concat(codes), entry, replays}
