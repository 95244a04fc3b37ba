package load

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func plainSize(s string) (int, error) { return strconv.Atoi(s) }

func TestSizes_StayWithinTheirBounds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "samples")
	if err := os.WriteFile(path, []byte("40\n\n90\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for text, bounds := range map[string][2]int{
		"20": {20, 20}, "uniform:10-12": {10, 12}, "pareto:100,1.2,500": {100, 500}, "file:" + path: {40, 90},
	} {
		s, err := ParseSizes(text, plainSize)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[int]bool{}
		for range 2000 {
			n := s.next(random)
			if n < bounds[0] || n > bounds[1] {
				t.Fatalf("%s: %d", text, n)
			}
			seen[n] = true
		}
		if !seen[bounds[0]] || !seen[bounds[1]] || s.String() != text {
			t.Errorf("%s: saw %d lengths, and not both ends", text, len(seen))
		}
	}
}

func TestSizes_RefusesWhatIsNone(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"", "x", "normal:1", "uniform:1", "uniform:2-1", "pareto:1,2", "pareto:1,0,2", "pareto:1,NaN,2", "pareto:3,1,2",
		"file:/nonexistent/x", "file:" + empty, "999999999",
	} {
		if _, err := ParseSizes(text, plainSize); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
