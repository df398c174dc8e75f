-- The records of orders, or a definite no for each (PROTOCOL R10).
-- KEYS  fence, orders
-- ARGV  1 epoch, 2 identity, then order ids (16 bytes each)
-- Reply {'lost'} or {'ok', for each id its record or nil}
local fence = redis.call('HMGET', KEYS[1], 'e', 'i', 'r')
if fence[1] ~= ARGV[1] or fence[2] ~= ARGV[2] or fence[3] then return {'lost'} end
return {'ok', redis.call('HMGET', KEYS[2], unpack(ARGV, 3))}
