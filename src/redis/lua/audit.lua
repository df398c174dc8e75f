-- One moment of a sale, for the audit (PROTOCOL R17).
-- Uses  fence, clock
-- KEYS  fence, items, log
-- ARGV  1 epoch, 2 identity, 3 most entries of the log
-- Reply {'lost'}, {'too_long', entries} or {'ok', moment, fields and values of the items, entries of the log}
--       What was accepted before has a stamp of that moment at most, what is accepted after this a later one, also when
--       Redis's clock has stepped back: reserve.lua then counts on from the log's last id.
if not look_at_fence() then return {'lost'} end
local length = redis.call('XLEN', KEYS[3])
if length > tonumber(ARGV[3]) then return {'too_long', length} end
local moment = clock_us()
if redis.call('EXISTS', KEYS[3]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[3])
  for at = 1, #info, 2 do
    if info[at] == 'last-generated-id' then
      local ms, number = string.match(info[at + 1], '^(%d+)-(%d+)$')
      local ahead = ms * 1000 - moment
      if ahead > LOG_AHEAD_MIN and ahead < LOG_AHEAD_MAX then moment = ms * 1000 + 1000 + number end
    end
  end
end
return {'ok', digits(moment), redis.call('HGETALL', KEYS[2]), redis.call('XRANGE', KEYS[3], '-', '+')}
