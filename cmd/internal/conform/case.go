package conform

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"
)

// Case is one conversation with a server.
type Case struct {
	ID    string // such as "6.4.1" or "handshake.3"; unique
	Group string // the group's title, such as "6 UTF-8"
	Title string // what it is about, in a few words
	Sent  string // what the client sends, in a sentence

	Expected string // what the server should do, in a sentence

	// Serial cases run alone: they are heavy, or measure.
	Serial bool

	// Timeout ends the case, when a few times the runner's patience are added. Zero is
	// DefaultTimeout.
	Timeout time.Duration

	// Run plays the case in s and has it judge what came. It returns when that
	// is done or ctx is over; s closes what it opened.
	Run func(ctx context.Context, s *Session)
}

// DefaultTimeout is how long a case may take that says nothing else: long
// enough for a server that is slow or far away, as a server that does what is
// expected is never waited for that long.
const DefaultTimeout = 15 * time.Second

// Select returns the cases that match one of the include patterns, or all if
// there is none, and none of the exclude patterns. A pattern is a case's number, or
// has * for any rest of one: 6.*, 7.5.1, handshake.*. A pattern that is malformed or
// matches no case at all is an error: it is likely a typing mistake.
func Select(cases []Case, include, exclude []string) ([]Case, error) {
	for _, pattern := range append(include[:len(include):len(include)], exclude...) {
		if err := known(cases, pattern); err != nil {
			return nil, err
		}
	}
	var selected []Case
	for _, c := range cases {
		if (len(include) == 0 || matchesAny(include, c.ID)) && !matchesAny(exclude, c.ID) {
			selected = append(selected, c)
		}
	}
	return selected, nil
}

func known(cases []Case, pattern string) error {
	if _, err := path.Match(pattern, ""); err != nil || strings.ContainsAny(pattern, `/\`) {
		return fmt.Errorf("%q is no pattern for cases: want one such as 6.* or 7.5.1", pattern)
	}
	for _, c := range cases {
		if matchesAny([]string{pattern}, c.ID) {
			return nil
		}
	}
	return fmt.Errorf("no case matches %q", pattern)
}

func matchesAny(patterns []string, id string) bool {
	for _, pattern := range patterns {
		if ok, _ := path.Match(pattern, id); ok {
			return true
		}
	}
	return false
}
