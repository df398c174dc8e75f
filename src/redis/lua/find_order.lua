-- The record of an order, or a definite no (PROTOCOL R10).
-- KEYS  fence, orders
-- ARGV  1 epoch, 2 identity, 3 order id (16 bytes)
-- Reply {'lost'}, {'absent'} or {'found', record}
local fence = redis.call('HMGET', KEYS[1], 'e', 'i', 'r')
if fence[1] ~= ARGV[1] or fence[2] ~= ARGV[2] or fence[3] then return {'lost'} end
local record = redis.call('HGET', KEYS[2], ARGV[3])
if not record then return {'absent'} end
return {'found', record}
