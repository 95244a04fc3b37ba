package conform

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/framerail/framerail/server"
)

// compressionCases are those that permessage-deflate is needed for.
var compressionCases = []string{"12.*", "13.*", "deflate.*", "bytes.deflate.*"}

// What framerail comes to in them, in each of its modes: everything is OK, but where
// either way is right, or where the server asks for less than the case needs. The
// number of messages is small: the whole of it is gigabytes.
func TestFramerail_compression(t *testing.T) {
	takeover := server.Deflate{Enabled: true, ServerTakeover: true, ClientTakeover: true}
	alone := server.Deflate{Enabled: true}
	small := takeover
	small.ServerWindowBits, small.ClientWindowBits = 10, 10
	for _, tt := range []struct {
		golden  string
		deflate server.Deflate
		modes   []string
	}{
		{"compression-takeover.txt", takeover, []string{"inline", "goroutines", "streaming"}},
		{"compression-alone.txt", alone, []string{"inline", "streaming"}},
		{"compression-10-bits.txt", small, []string{"inline"}},
		{"compression-off.txt", server.Deflate{}, []string{"inline"}},
	} {
		for _, m := range modes {
			for _, name := range tt.modes {
				if m.name != name || quick() && name == "goroutines" {
					continue
				}
				t.Run(tt.golden+"/"+name, func(t *testing.T) {
					var without []string
					if quick() {
						without = []string{"12.[2-5].*", "12.1.1?", "13.?.[5-9]", "13.?.1?", "bytes.*"}
					}
					cases, err := Select(Cases(), compressionCases, without)
					if err != nil {
						t.Fatal(err)
					}
					url := serveFramerail(t, func(srv *server.Server) {
						if m.set(srv); tt.deflate.Enabled {
							srv.Deflate, srv.DeflateThreshold = tt.deflate, -1
						}
					})
					r := Runner{URL: url, Cases: cases, Parallel: 4, Messages: 2, Patience: 20 * time.Second}
					report, err := r.Run(context.Background())
					if err != nil {
						t.Fatal(err)
					}
					for _, r := range report.Results {
						if !r.Passed() {
							t.Errorf("%s %v %v: %s; %s", r.ID, r.Verdict, r.Closing, r.Came, r.Ended)
						}
					}
					compareVerdicts(t, tt.golden, report.Results)
				})
			}
		}
	}
}

// Numbers and timeouts are Autobahn's: 5 kinds of data and 7 sets of parameters, 18
// cases each.
func TestCompression_has_Autobahns_numbers(t *testing.T) {
	count := map[string]int{}
	for _, c := range append(compressionKinds(), compressionParameters()...) {
		var first, second, third int
		if _, err := fmt.Sscanf(c.ID, "%d.%d.%d", &first, &second, &third); err != nil || third < 1 || third > 18 {
			t.Errorf("%s: %v", c.ID, err)
		}
		count[fmt.Sprint(first, ".", second)]++
	}
	for group, n := range map[int]int{12: 5, 13: 7} {
		for i := 1; i <= n; i++ {
			if got := count[fmt.Sprint(group, ".", i)]; got != 18 {
				t.Errorf("%d.%d.* are %d cases, want 18", group, i, got)
			}
		}
	}
	if len(count) != 12 {
		t.Errorf("%d groups of cases, want 12", len(count))
	}
}
