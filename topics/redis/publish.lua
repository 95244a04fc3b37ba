-- Publishes messages in their order, and keeps those whose topics keep something. It ends with the first message that the
-- server refuses. Of that one nothing is kept or published. Returns how many messages it took, and an error or nothing.
-- KEYS: for each message what is known of its topic, and the topic's stream.
-- ARGV: the server's life, and the epoch of a topic that begins. Then for each message: the message, the topic, the topic's
-- channel, how many messages are kept (0: the message is not recorded), and how many channels of prefixes follow. If it is recorded,
-- these stand before those channels: how many bytes are kept (0: any), how many ms (0: any), whether the last one stays (1), and how
-- long the keys stay in ms (two numbers).
local life, fresh = ARGV[1], ARGV[2]
local now -- ms

-- What belongs to the present message.
local known, stream, data, topic, channel
local most, bytes, age, lasts, knownStays, streamStays
local begins, epoch, offset, size

-- reserve gives the message the next number, and returns its position. It is the first to write. What the server refuses, as when it
-- has no memory left, it refuses here, before anything has changed: Redis lets a script that has written go on.
local function reserve()
  local was = redis.call('HMGET', known, 'epoch', 'server', 'offset', 'bytes')
  epoch, offset, size = was[1], tonumber(was[3] or 0), tonumber(was[4] or 0)
  begins = not epoch or was[2] ~= life
  if begins then
    epoch, offset, size = fresh, 0, 0
    redis.call('HSET', known, 'epoch', epoch, 'server', life, 'offset', '1', 'bytes', '0')
    redis.call('DEL', stream) -- of a former life, whose numbers may be higher
  else
    redis.call('HSET', known, 'offset', string.format('%.0f', offset + 1))
  end
  return epoch .. '.' .. string.format('%.0f', offset + 1)
end

-- giveBack undoes reserve.
local function giveBack()
  if begins then
    redis.call('DEL', known)
  else
    redis.call('HSET', known, 'offset', string.format('%.0f', offset))
  end
end

-- trim drops the oldest until one more message has room.
local function trim()
  local count = redis.call('XLEN', stream)
  while count > 0 do
    local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
    local at = tonumber(string.match(oldest[1], '-(%d+)$'))
    local full = count >= most or (bytes > 0 and size + #data > bytes)
    if not full and not (age > 0 and now - at > age) then
      return
    end
    redis.call('XDEL', stream, oldest[1])
    size = math.max(0, size - #oldest[2][2])
    count = count - 1
  end
  size = 0
end

-- record appends the message to the stream.
local function record()
  if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  -- What is too old is not read. So it may stay for some messages more.
  if bytes > 0 or (age > 0 and offset % 16 == 0) then
    trim()
  end
  if bytes == 0 or #data <= bytes or lasts == '1' then
    redis.call('XADD', stream, 'MAXLEN', most, string.format('%.0f-%.0f', offset + 1, now), epoch, data)
    size = size + #data
  end
  if bytes > 0 then
    redis.call('HSET', known, 'bytes', size)
  end
  redis.call('PEXPIRE', known, knownStays)
  redis.call('PEXPIRE', stream, streamStays)
end

-- tellPrefixes publishes the message to those channels of ARGV that have subscribers. Others are common, and cost less so.
local function tellPrefixes(head, first, last)
  local named
  local counts = redis.call('PUBSUB', 'SHARDNUMSUB', unpack(ARGV, first, last))
  for i = 2, #counts, 2 do
    if counts[i] > 0 then
      named = named or head .. topic .. ' ' .. data
      redis.call('SPUBLISH', counts[i - 1], named)
    end
  end
end

-- text is an error as Redis says it.
local function text(err)
  return type(err) == 'table' and err.err or tostring(err)
end

local at, prefixes = 3, nil
for taken = 0, #KEYS / 2 - 1 do
  known, stream = KEYS[2 * taken + 1], KEYS[2 * taken + 2]
  data, topic, channel = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  most = tonumber(ARGV[at + 3])
  local first = at + 5
  local last = first + ARGV[at + 4] - 1
  local head = '- '
  if most > 0 then
    bytes, age, lasts = tonumber(ARGV[first]), tonumber(ARGV[first + 1]), ARGV[first + 2]
    knownStays, streamStays = ARGV[first + 3], ARGV[first + 4]
    first, last = first + 5, last + 5
    local ok, position = pcall(reserve)
    if not ok then
      return {taken, text(position)}
    end
    head = position .. ' '
  end
  local ok, err = pcall(redis.call, 'SPUBLISH', channel, head .. data)
  if not ok then
    if most > 0 then
      giveBack()
    end
    return {taken, text(err)}
  end
  if most > 0 then
    ok, err = pcall(record)
    if not ok then -- the stream is something else, or rights are missing. Whoever has the message notices a gap
      return {taken, text(err)}
    end
  end
  if first <= last then
    ok, err = pcall(tellPrefixes, head, first, last)
    if not ok then -- the topic has it, so it is not published again
      prefixes = prefixes or text(err)
    end
  end
  at = last + 1
end
return {#KEYS / 2, prefixes}
