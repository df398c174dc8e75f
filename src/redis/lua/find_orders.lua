-- The records of orders, or a definite no for each (PROTOCOL R10).
-- Uses  fence
-- KEYS  fence, orders
-- ARGV  1 epoch, 2 identity, then order ids (16 bytes each)
-- Reply {'lost'} or {'ok', for each id its record or nil}
if not look_at_fence() then return {'lost'} end
return {'ok', redis.call('HMGET', KEYS[2], unpack(ARGV, 3))}
