#!lua flags=allow-oom
-- First act of a rebuild (PROTOCOL R1, R2): from here on no script takes or gives units under an older epoch, so the
-- old pending log can be drained to its end.
-- KEYS  fence
-- ARGV  1 the rebuilder's epoch
-- Reply {'superseded', epoch} when somebody newer was here; else {'closed', epoch that was published here or '0'}
local fence = redis.call('HMGET', KEYS[1], 'e', 'r')
local mine = tonumber(ARGV[1])
if tonumber(fence[1] or '0') >= mine or tonumber(fence[2] or '0') > mine then
  return {'superseded', fence[1] or '0'}
end
redis.call('HSET', KEYS[1], 'r', ARGV[1])
return {'closed', fence[1] or '0'}
