-- The same request to a server that does nothing, with the same bookkeeping: what the client and the kernel cost.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  counts = {}
  local body = '{"sku":"sneaker-42","quantity":1}'
  line = "POST /v1/sales/some-sale/orders HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer " ..
    string.rep("t", 220) .. "\r\nIdempotency-Key: load-1\r\nContent-Type: application/json\r\nContent-Length: " ..
    #body .. "\r\n\r\n" .. body
end

function request()
  return line
end

function response(status, headers, body)
  counts[status] = (counts[status] or 0) + 1
end

function done(summary, latency, requests)
  local parts, total = {}, {}
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("counts")) do
      total[status] = (total[status] or 0) + count
    end
  end
  for status, count in pairs(total) do
    parts[#parts + 1] = string.format('"%d":%d', status, count)
  end
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"statuses":{%s},"duration_us":%d,"p50_us":%d,"p99_us":%d,"max_us":%d,"repeats":0,' ..
    '"errors":{"connect":%d,"read":%d,"write":%d,"timeout":%d}}\n',
    table.concat(parts, ","), summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    errors.connect, errors.read, errors.write, errors.timeout))
end
