#!lua flags=allow-oom
-- Brings state and times of a sale to a newer version (PROTOCOL R15).
-- Uses  fence, clock
-- KEYS  fence
-- ARGV  1 epoch, 2 identity, 3 version, 4 state, 5 starts_at us, 6 ends_at us, 7 rest before a sale that was shut
--       sells, us: every instance's memory of `not open` is dead by then, so nobody is refused their own order (R9)
-- Reply 'lost', 'old' or 'done'
local served, version, state, starts_at, ends_at, sells_from =
  look_at_fence(VERSION, STATE, STARTS_AT, ENDS_AT, SELLS_FROM)
if not served then return 'lost' end
if tonumber(version) >= tonumber(ARGV[3]) then return 'old' end

local now = clock_us()
local was_open = now < tonumber(ends_at) and (state == '1' or (state == '0' and now >= tonumber(starts_at)))
if not was_open then sells_from = digits(now + tonumber(ARGV[7])) end
redis.call('HSET', KEYS[1], VERSION, ARGV[3], STATE, ARGV[4], STARTS_AT, ARGV[5], ENDS_AT, ARGV[6],
  SELLS_FROM, sells_from)
return 'done'
