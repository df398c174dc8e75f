-- Checkouts by buyers who each buy once, for wrk. Counts every answer by its status, so that no refusal is ever
-- counted as an order. Arguments behind `--`: sale id, token file (one token a line), number of wrk threads.
-- A buyer is new as long as the tokens last; after that keys get another number, and `repeats` says so.

local threads = {}

function setup(thread)
  thread:set("thread_number", #threads)
  table.insert(threads, thread)
end

function init(args)
  local sale, path, thread_count = args[1], args[2], tonumber(args[3])
  counts, repeats, sample = {}, 0, ""
  tokens = {}
  local number = 0
  for token in io.lines(path) do
    if number % thread_count == thread_number then
      tokens[#tokens + 1] = token
    end
    number = number + 1
  end
  assert(#tokens > 0, "no tokens for this thread")
  next_token, turn = 1, 1
  local body = '{"sku":"sneaker-42","quantity":1}'
  head = "POST /v1/sales/" .. sale .. "/orders HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer "
  middle = "\r\nIdempotency-Key: load-"
  tail = "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

function request()
  local token = tokens[next_token]
  next_token = next_token + 1
  if next_token > #tokens then
    next_token, turn = 1, turn + 1
  end
  if turn > 1 then
    repeats = repeats + 1
  end
  return head .. token .. middle .. turn .. tail
end

function response(status, headers, body)
  counts[status] = (counts[status] or 0) + 1
  if status ~= 201 and status ~= 409 and sample == "" then
    sample = status .. " " .. body
  end
end

function done(summary, latency, requests)
  local total, repeated, shown = {}, 0, ""
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("counts")) do
      total[status] = (total[status] or 0) + count
    end
    repeated = repeated + thread:get("repeats")
    if shown == "" then shown = thread:get("sample") end
  end
  local parts = {}
  for status, count in pairs(total) do
    parts[#parts + 1] = string.format('"%d":%d', status, count)
  end
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"statuses":{%s},"duration_us":%d,"p50_us":%d,"p99_us":%d,"max_us":%d,"repeats":%d,' ..
    '"errors":{"connect":%d,"read":%d,"write":%d,"timeout":%d}}\n',
    table.concat(parts, ","), summary.duration, latency:percentile(50), latency:percentile(99), latency.max, repeated,
    errors.connect, errors.read, errors.write, errors.timeout))
  if shown ~= "" then io.write("SAMPLE " .. shown .. "\n") end
end
