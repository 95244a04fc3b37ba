package redis

import (
	"errors"
	"slices"
	"strings"

	"github.com/redis/rueidis"
)

// scriptError is an error that a script has caught, as Redis says it.
type scriptError string

func (e scriptError) Error() string { return string(e) }

// ending are the codes of errors after which a connection is of no use: the server has another role, other slots or another
// life, does not know the user, or runs somebody's script that does not end. After others, such as OOM, MISCONF, NOREPLICAS and NOPERM, it carries what it does not refuse.
var ending = []string{"MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "READONLY", "MASTERDOWN", "LOADING", "NOSCRIPT", "NOAUTH", "WRONGPASS", "BUSY"}

// isRefusal reports whether an error is the server's refusal of what it was asked for, and no more.
func (s *session) isRefusal(err error) bool {
	var text string
	if caught := scriptError(""); errors.As(err, &caught) {
		text = caught.Error()
	} else if answer := (*rueidis.RedisError)(nil); errors.As(err, &answer) && !answer.IsNil() {
		text = answer.Error()
	} else {
		return false
	}
	code, _, _ := strings.Cut(text, " ")
	if code == "NOREPLICAS" && s.isSentinel { // it may be one that Sentinel has replaced
		return false
	}
	return !slices.Contains(ending, code)
}

// failed wraps an error. One that is no refusal ends the session.
func (s *session) failed(doing string, err error) error {
	err = wrap(doing, err)
	if !s.isRefusal(err) {
		s.fail(err)
	}
	return err
}
