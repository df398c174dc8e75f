#!lua flags=allow-oom
-- Takes a lease, or keeps one that is the caller's own. No lock is trusted to be held (PROTOCOL R2): it only keeps two
-- from doing the same work. It says for how long it was meant: one that lives longer was taken before Redis's clock
-- stepped back, and ends as soon as it would have.
-- KEYS  lease
-- ARGV  1 holder, 2 duration in ms; 0 gives it back
-- Reply 1 when the caller holds it now, else 0
local held = redis.call('GET', KEYS[1])
local holder, duration = string.match(held or '', '^(%S+) ?(%d*)$')
if held and holder ~= ARGV[1] then
  if duration and duration ~= '' and redis.call('PTTL', KEYS[1]) > tonumber(duration) then
    redis.call('PEXPIRE', KEYS[1], duration)
  end
  return 0
end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
  return 0
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[2])
return 1
