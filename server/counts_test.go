package server

import (
	"encoding/json"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// Side and code are the key of a JSON object, and so is a cause.
func TestCloseKind_IsAKeyInJSON(t *testing.T) {
	b, err := json.Marshal(LoopStats{
		Closes: map[CloseKind]uint64{{By: conn.Peer, Code: frame.GoingAway}: 12},
		Causes: map[Cause]uint64{CauseIdle: 3},
	})
	if err != nil {
		t.Fatal(err)
	}
	var back struct{ Closes, Causes map[string]uint64 }
	if err := json.Unmarshal(b, &back); err != nil || back.Closes["peer 1001"] != 12 || back.Causes["idle"] != 3 {
		t.Errorf("%s: %v, %v", b, back, err)
	}
}
