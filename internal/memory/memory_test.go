package memory

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"testing"
)

// Unless what they hold is a good part of what is to be freed.
func TestBudget_ThoseClosingAreNotSparedIfTheyHoldMuch(t *testing.T) {
	b := &Budget{limit: 1 << 20}
	few := []Holder{{Bytes: 512 << 10}, {Bytes: 15 << 10, Shed: true}, {Bytes: 15 << 10, Shed: true}}
	if rest := b.spare(slices.Clone(few)); len(rest) != 1 || rest[0].Shed {
		t.Errorf("left with %d", len(rest))
	}
	if rest := b.spare(append(few, Holder{Bytes: 15 << 10, Shed: true})); len(rest) != 4 {
		t.Errorf("left with %d though the told hold 45 KiB of 1 MiB", len(rest))
	}
}

func TestUsable(t *testing.T) {
	if n := Usable(); n < 1<<20 {
		t.Errorf("%d bytes of memory", n)
	}
	before := debug.SetMemoryLimit(123 << 20)
	n := Usable()
	debug.SetMemoryLimit(before)
	if n != 123<<20 {
		t.Errorf("%d bytes with a limit of 123 MiB", n)
	}
	for text, want := range map[string]int64{"max\n": 0, "1048576\n": 1 << 20, "-1": 0, "": 0} {
		file := filepath.Join(t.TempDir(), "limit")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if n, ok := readLimit(file); ok != (want > 0) || ok && n != want {
			t.Errorf("%q is %d, %v", text, n, ok)
		}
	}
	if _, ok := readLimit(filepath.Join(t.TempDir(), "missing")); ok {
		t.Error("a file that is not there has a limit")
	}
}
