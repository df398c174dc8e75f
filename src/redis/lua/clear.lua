#!lua flags=allow-oom
-- Deletes what older epochs have left, once a rebuild has drained their logs (PROTOCOL R1, R2): nobody reads it any
-- more behind the closed fence, and the load that follows needs the memory. On a server whose fence is not closed for
-- this rebuild, as after a failover, the log may hold what nobody has drained.
-- Uses  fence
-- KEYS  fence, then what is deleted
-- ARGV  1 the rebuilder's epoch
-- Reply 'superseded' or 'OK'
if redis.call('HGET', KEYS[1], REBUILD_EPOCH) ~= ARGV[1] then return 'superseded' end
redis.call('UNLINK', unpack(KEYS, 2))
return 'OK'
