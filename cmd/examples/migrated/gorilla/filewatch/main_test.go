package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/framerail/framerail/cmd/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func TestFilewatchShowsChanges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "notes")
	write := func(text string, at int64) {
		t.Helper()
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file+".new", time.Time{}, time.Unix(at, 0)); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	write("first", 1e9)
	p := exampletest.Start(t, "-file="+file, "-every=5ms")
	c := exampletest.Dial(t, p.URL, nil)
	exampletest.Expect(t, c, "first")
	write("second", 1e9+1)
	exampletest.Expect(t, c, "second")
	exampletest.Say(t, c, "once more")
	exampletest.Expect(t, c, "second")
	p.Signal(t)
	exampletest.ExpectClose(t, c, websocket.StatusGoingAway)
	p.End(t)
}
