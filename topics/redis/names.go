package redis

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/framerail/framerail/topics"
)

// A cluster spreads keys and channels by what stands in braces in their names. All of a topic is in one
// partition, so that one script can keep and publish a message.
//
//	framerail:{17}c:rooms.7.chat  the channel of a topic
//	framerail:{17}p:rooms         the channel of a prefix: topics that begin with "rooms."
//	framerail:{17}k:rooms.7.chat  what is known of a topic: epoch, offset
//	framerail:{17}s:rooms.7.chat  the stream of a topic
const (
	kindTopic  = "c:"
	kindPrefix = "p:"
	kindKnown  = "k:"
	kindStream = "s:"
)

// partitions is how many there are. A cluster of more primaries leaves some of them without topics.
const partitions = 64

// maxPrefix bounds the tokens of a prefix, and so how many channels a message is sent to.
const maxPrefix = 8

// tags are what partitions have in braces: numbers whose slots are spread evenly.
var tags = sync.OnceValue(func() (tags [partitions]string) {
	const slots = 16384
	for i, n := 0, 0; i < partitions; n++ {
		tag := strconv.Itoa(n)
		if p := int(crc16(tag)) % slots / (slots / partitions); tags[p] == "" {
			tags[p] = tag
			i++
		}
	}
	return tags
})

// crc16 is the hash of Redis Cluster: CRC-16/XMODEM.
func crc16(s string) (crc uint16) {
	for i := range len(s) {
		crc ^= uint16(s[i]) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			crc <<= 1
			if carry {
				crc ^= 0x1021
			}
		}
	}
	return crc
}

// partition is where a topic is: FNV-1a of its name.
func partition(topic string) int {
	hash := uint32(2166136261)
	for i := range len(topic) {
		hash = (hash ^ uint32(topic[i])) * 16777619
	}
	return int(hash % partitions)
}

// name is that of a key or a channel.
func (s *session) name(partition int, kind, rest string) string {
	return s.prefix + "{" + tags()[partition] + "}" + kind + rest
}

// parse takes the name of a channel apart.
func (s *session) parse(channel string) (kind, rest string) {
	_, rest, _ = strings.Cut(channel[min(len(s.prefix), len(channel)):], "}")
	if len(rest) < len(kindTopic) {
		return "", ""
	}
	return rest[:len(kindTopic)], rest[len(kindTopic):]
}

// isPattern reports whether a name has wildcards.
func isPattern(name string) bool { return errors.Is(topics.CheckName(name), topics.ErrWildcard) }

// prefixOf is what a pattern has before its first wildcard, without the dot, and at most maxPrefix tokens of it.
func prefixOf(pattern string) string {
	end := 0
	for n, rest := 0, pattern; n < maxPrefix; n++ {
		token, after, more := strings.Cut(rest, ".")
		if token == "*" || token == ">" {
			break
		}
		end = len(pattern) - len(rest) + len(token)
		if !more {
			break
		}
		rest = after
	}
	return pattern[:end]
}

// prefixes appends the prefixes that patterns of a topic may have. The longest is the first one, and
// "" the last.
func prefixes(topic string, to []string) []string {
	at := len(to)
	for i := 0; i < len(topic) && len(to)-at < maxPrefix; i++ {
		if topic[i] == '.' {
			to = append(to, topic[:i])
		}
	}
	slices.Reverse(to[at:])
	return append(to, "")
}

// match reports whether a pattern matches a topic.
func match(pattern, topic string) bool {
	for {
		want, restWanted, moreWanted := strings.Cut(pattern, ".")
		token, rest, more := strings.Cut(topic, ".")
		switch {
		case want == ">":
			return true
		case want != "*" && want != token, moreWanted != more:
			return false
		case !more:
			return true
		}
		pattern, topic = restWanted, rest
	}
}
