package handshake

import (
	"errors"
	"fmt"
)

// shownMost is how many bytes of a request's field are shown in a log.
const shownMost = 200

// ExplainOrigin is CheckOrigin's result, with a Cause for the log that names the origin, the host
// and the patterns.
func ExplainOrigin(err error, origin, host []byte, patterns []string) error {
	var rule *Refusal
	if !errors.As(err, &rule) {
		return err
	}
	r := *rule
	r.rule = rule
	r.Cause = fmt.Errorf("framerail: Origin %q, Host %q, OriginPatterns %q", shown(origin), shown(host), patterns)
	return &r
}

// ExplainPath is [ErrNotFound] with a Cause for the log that names the path served. It does not
// name the request's path, which may be a secret.
func ExplainPath(served string) *Refusal {
	r := *ErrNotFound
	r.rule = ErrNotFound
	r.Cause = fmt.Errorf("framerail: Path is %q", served)
	return &r
}

// shown is the part of a field that a log shows.
func shown(b []byte) string {
	if len(b) > shownMost {
		return string(b[:shownMost]) + "..."
	}
	return string(b)
}
