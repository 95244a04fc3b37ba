package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/redis/rueidis"
)

// mostChannels is how many channels one command may have.
const mostChannels = 512

// interest is what a session is subscribed to. Its methods may be called from any goroutine.
type interest struct {
	mu       sync.Mutex
	patterns map[string][]string // guarded by mu: by their prefix
	leaving  map[string]bool     // guarded by mu: channels that are being ended
}

// matches reports whether a pattern with this prefix matches a topic.
func (i *interest) matches(prefix, topic string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.ContainsFunc(i.patterns[prefix], func(pattern string) bool { return match(pattern, topic) })
}

// add adds a pattern, and reports whether it is the first one with its prefix.
func (i *interest) add(prefix, pattern string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.patterns == nil {
		i.patterns = make(map[string][]string)
	}
	had := i.patterns[prefix]
	if !slices.Contains(had, pattern) {
		i.patterns[prefix] = append(had, pattern)
	}
	return len(had) == 0
}

// remove removes a pattern, and reports whether none with its prefix is left. It does so again for a pattern that is gone: the
// call that removed it may have failed before all servers had ended the channel.
func (i *interest) remove(prefix, pattern string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	left := slices.DeleteFunc(i.patterns[prefix], func(p string) bool { return p == pattern })
	if len(left) > 0 {
		i.patterns[prefix] = left
		return false
	}
	delete(i.patterns, prefix)
	return true
}

// leave notes channels that are about to be ended.
func (i *interest) leave(channels []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.leaving == nil {
		i.leaving = make(map[string]bool)
	}
	for _, channel := range channels {
		i.leaving[channel] = true
	}
}

// stay notes channels that the server did not end.
func (i *interest) stay(channels []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, channel := range channels {
		delete(i.leaving, channel)
	}
}

// hasLeft reports whether a channel was to be ended, and forgets it.
func (i *interest) hasLeft(channel string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	left := i.leaving[channel]
	delete(i.leaving, channel)
	return left
}

// channels are names of channels by partition.
type channels [partitions][]string

// Interest implements topics.Broker. With NoPatterns it fails with errors.ErrUnsupported if there are patterns, when it has done the rest.
func (b *Broker) Interest(ctx context.Context, on, off []string) error {
	s, err := b.connected()
	if err != nil {
		return err
	}
	if err = s.change(ctx, on, off); err != nil {
		for _, name := range on { // so that the server is asked for it again
			if isPattern(name) {
				s.interest.remove(prefixOf(name), name)
			}
		}
		return err
	}
	if b.NoPatterns && slices.ContainsFunc(on, isPattern) {
		return errNoPatterns
	}
	return nil
}

var errNoPatterns = fmt.Errorf("framerail: redis: NoPatterns is set: %w", errors.ErrUnsupported)

// change begins and ends interest.
func (s *session) change(ctx context.Context, on, off []string) (err error) {
	var begin, end channels
	for _, name := range off {
		s.channelsOf(name, s.interest.remove, &end)
	}
	for _, name := range on {
		s.channelsOf(name, s.interest.add, &begin)
	}
	defer func() {
		if err != nil && ctx.Err() == nil && s.ctx.Err() == nil {
			s.undo(ctx, &begin)
		}
	}()
	for _, l := range s.all {
		if err := s.unsubscribe(ctx, l, &end); err != nil {
			return err
		}
		err := s.do(ctx, "subscribing", l.messages, s.commands(l, &begin, func(names []string) rueidis.Completed {
			return l.messages.B().Ssubscribe().Channel(names...).Build()
		}))
		if err != nil {
			return err
		}
	}
	return nil
}

// undo ends subscriptions, some of which the server has refused.
func (s *session) undo(ctx context.Context, begun *channels) {
	for _, l := range s.all {
		_ = s.unsubscribe(ctx, l, begun)
	}
}

// unsubscribe ends subscriptions at one server.
func (s *session) unsubscribe(ctx context.Context, l *link, of *channels) error {
	for p := range of { // patterns with one prefix have the same channel, whose end is confirmed each time that it is named
		slices.Sort(of[p])
		of[p] = slices.Compact(of[p])
	}
	err := s.do(ctx, "unsubscribing", l.messages, s.commands(l, of, func(names []string) rueidis.Completed {
		s.interest.leave(names)
		return l.messages.B().Sunsubscribe().Channel(names...).Build()
	}))
	for p, names := range of {
		if err != nil && s.links[p] == l { // or a slot that moves later would seem to be the end that was refused
			s.interest.stay(names)
		}
	}
	return err
}

// channelsOf adds the channels that a name needs. What it needs for a pattern depends on change, which
// adds or removes it.
func (s *session) channelsOf(name string, change func(prefix, pattern string) bool, to *channels) {
	if !isPattern(name) {
		p := partition(name)
		to[p] = append(to[p], s.name(p, kindTopic, name))
		return
	}
	prefix := prefixOf(name)
	if s.broker.NoPatterns || !change(prefix, name) {
		return
	}
	for p := range s.prefixPartitions() {
		to[p] = append(to[p], s.name(p, kindPrefix, prefix))
	}
}

// prefixPartitions is how many partitions the channel of a prefix is in. A cluster needs it in each of them,
// since a script reaches only what lies beside its topic.
func (s *session) prefixPartitions() int {
	if s.isCluster {
		return partitions
	}
	return 1
}

// commands makes commands of the channels that a link has, each for one partition.
func (s *session) commands(l *link, of *channels, build func(names []string) rueidis.Completed) (cmds []rueidis.Completed) {
	for p, names := range of {
		if s.links[p] != l {
			continue
		}
		for some := range slices.Chunk(names, mostChannels) {
			cmds = append(cmds, build(some))
		}
	}
	return cmds
}
