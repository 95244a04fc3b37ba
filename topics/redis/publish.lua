-- Keeps a message if its topic keeps something, and publishes it.
-- KEYS: what is known of the topic; its stream.
-- ARGV: the message, the topic, the topic's channel, how many messages are kept (0: the message is
-- not recorded), and channels of prefixes. If it is recorded, these stand before the prefixes: how many
-- bytes are kept (0: any), how many ms (0: any), whether the last one stays (1), how long the
-- keys stay in ms (two numbers), the epoch of a topic that begins, and the server's life.
local data, topic = ARGV[1], ARGV[2]
local most = tonumber(ARGV[4])

-- trim drops the oldest until one more message has room, and returns the bytes of the others.
local function trim(stream, size, now)
  local bytes, age = tonumber(ARGV[5]), tonumber(ARGV[6])
  local count = redis.call('XLEN', stream)
  while count > 0 do
    local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
    local at = tonumber(string.match(oldest[1], '-(%d+)$'))
    local full = count >= most or (bytes > 0 and size + #data > bytes)
    if not full and not (age > 0 and now - at > age) then
      break
    end
    redis.call('XDEL', stream, oldest[1])
    size = math.max(0, size - #oldest[2][2])
    count = count - 1
  end
  if count == 0 then
    return 0
  end
  return size
end

-- record appends the message to the stream, and returns its position.
local function record(known, stream)
  local was = redis.call('HMGET', known, 'epoch', 'server', 'offset', 'bytes')
  local epoch, offset, size = was[1], tonumber(was[3] or 0), tonumber(was[4] or 0)
  local begins = not epoch or was[2] ~= ARGV[11]
  if begins then
    redis.call('DEL', known, stream)
    epoch, offset, size = ARGV[10], 0, 0
  end
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local bytes = tonumber(ARGV[5])
  local number = string.format('%.0f', offset + 1)
  local id = number .. '-' .. string.format('%.0f', now)

  -- What is too old is not read. So it may stay for some messages more.
  if bytes > 0 or (tonumber(ARGV[6]) > 0 and offset % 16 == 0) then
    size = trim(stream, size, now)
  end
  if bytes == 0 or #data <= bytes or ARGV[7] == '1' then
    redis.call('XADD', stream, 'MAXLEN', most, id, epoch, data)
    size = size + #data
  end
  if begins then
    redis.call('HSET', known, 'epoch', epoch, 'server', ARGV[11])
  end
  if bytes > 0 then
    redis.call('HSET', known, 'offset', number, 'bytes', size)
  else
    redis.call('HSET', known, 'offset', number)
  end
  redis.call('PEXPIRE', known, ARGV[8])
  redis.call('PEXPIRE', stream, ARGV[9])
  return epoch .. '.' .. number
end

local head, first = '- ', 5
if most > 0 then
  head, first = record(KEYS[1], KEYS[2]) .. ' ', 12
end
redis.call('SPUBLISH', ARGV[3], head .. data)
if first <= #ARGV then -- channels without subscribers are common, and cost less so
  local named
  local counts = redis.call('PUBSUB', 'SHARDNUMSUB', unpack(ARGV, first))
  for i = 2, #counts, 2 do
    if counts[i] > 0 then
      named = named or head .. topic .. ' ' .. data
      redis.call('SPUBLISH', counts[i - 1], named)
    end
  end
end
return 1
