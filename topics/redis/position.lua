-- Returns the present position of a topic, and the time in ms. A topic that is not known begins.
-- KEYS: what is known of the topic; its stream.
-- ARGV: how long the keys stay in ms (two numbers), the epoch of a topic that begins, and the
-- server's life.
local was = redis.call('HMGET', KEYS[1], 'epoch', 'server', 'offset')
local epoch, offset = was[1], was[3]
if not epoch or was[2] ~= ARGV[4] then
  redis.call('DEL', KEYS[1], KEYS[2])
  epoch, offset = ARGV[3], '0'
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'server', ARGV[4], 'offset', offset)
end
-- A server that takes no writes says what it has all the same.
redis.pcall('PEXPIRE', KEYS[1], ARGV[1])
redis.pcall('PEXPIRE', KEYS[2], ARGV[2])
local time = redis.call('TIME')
return {epoch, offset, time[1], time[2]}
