-- Takes a lease, or keeps one that is the caller's own. No lock is trusted to be held (PROTOCOL R2): it only keeps two
-- from doing the same work.
-- KEYS  lease
-- ARGV  1 holder, 2 duration in ms; 0 gives it back
-- Reply 1 when the caller holds it now, else 0
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
