package xconnect

import "testing"

func TestWith(t *testing.T) {
	for was, want := range map[string]string{
		"":                               "http2xconnect=1",
		"http2debug=1":                   "http2debug=1,http2xconnect=1",
		"http2xconnect=0":                "http2xconnect=0",
		"madvdontneed=1,http2xconnect=1": "madvdontneed=1,http2xconnect=1",
	} {
		if got := with(was); got != want {
			t.Errorf("%q becomes %q, want %q", was, got, want)
		}
	}
}
