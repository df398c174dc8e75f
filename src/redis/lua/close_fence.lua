#!lua flags=allow-oom
-- First act of a rebuild (PROTOCOL R1, R2): from here on no script takes or gives units under an older epoch, so the
-- old pending log can be drained to its end.
-- Uses  fence
-- KEYS  fence
-- ARGV  1 the rebuilder's epoch
-- Reply {'superseded', epoch} when somebody newer was here; else {'closed', epoch that was published here or '0'}
local published, rebuilt = unpack(redis.call('HMGET', KEYS[1], EPOCH, REBUILD_EPOCH))
local mine = tonumber(ARGV[1])
if tonumber(published or '0') >= mine or tonumber(rebuilt or '0') > mine then
  return {'superseded', published or '0'}
end
redis.call('HSET', KEYS[1], REBUILD_EPOCH, ARGV[1])
return {'closed', published or '0'}
