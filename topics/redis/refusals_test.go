package redis

import "testing"

// The connection carries the rest when the server refuses something, and ends when the server is of no use to it.
func TestIsRefusal(t *testing.T) {
	for text, want := range map[string]bool{
		"OOM command not allowed":   true,
		"MISCONF Redis cannot save": true,
		"NOREPLICAS Not enough":     true,
		"NOPERM this user has none": true,
		"ERR something":             true,
		"BUSY Redis is busy":        false,
		"READONLY You can't write":  false,
		"MOVED 1 127.0.0.1:1":       false,
		"LOADING Redis is loading":  false,
	} {
		if got := new(session).isRefusal(scriptError(text)); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
	if (&session{isSentinel: true}).isRefusal(scriptError("NOREPLICAS Not enough")) {
		t.Error("behind Sentinel another server may have the replicas")
	}
}
