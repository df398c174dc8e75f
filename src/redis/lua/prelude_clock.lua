-- Redis's clock, the one clock for selling (PROTOCOL R15), us. It stands still while a script runs.
local function clock_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

-- Of a moment, all of them.
local function digits(us) return string.format('%.0f', us) end

-- Ids of the pending log never go back, whatever the clock does. So it has stepped back if they are ahead of it by more
-- than the first of these, us. By more than the second nothing is counted on from them.
local LOG_AHEAD_MIN, LOG_AHEAD_MAX = 10000, 600000000
