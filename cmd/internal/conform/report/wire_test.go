package report

import (
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/cmd/internal/conform"
)

func TestLine(t *testing.T) {
	frame := func(h conform.Header, length int64, data string) conform.Record {
		return conform.Record{At: 1500 * time.Microsecond, Dir: conform.Received, Header: &h, Length: length, Data: []byte(data)}
	}
	for name, tt := range map[string]struct {
		record conform.Record
		want   string
	}{
		"text":              {frame(conform.Header{Fin: true, Opcode: 1, Length: 5}, 5, "Hello"), `← TEXT FIN, 5 B  "Hello"`},
		"empty":             {frame(conform.Header{Fin: true, Opcode: 2}, 0, ""), "← BINARY FIN, 0 B"},
		"binary":            {frame(conform.Header{Opcode: 0, Length: 5}, 5, "\xff\x00\x01\x02\x03"), "← CONTINUATION, 5 B  ff000102 03"},
		"close":             {frame(conform.Header{Fin: true, Opcode: 8, Length: 5}, 5, "\x03\xeabad"), `← CLOSE FIN, 5 B  1002 "bad"`},
		"close_of_one_byte": {frame(conform.Header{Fin: true, Opcode: 8, Length: 1}, 1, "\x03"), "← CLOSE FIN, 1 B  03"},
		"close_without":     {frame(conform.Header{Fin: true, Opcode: 8, Length: 2}, 2, "\x03\xe8"), "← CLOSE FIN, 2 B  1000"},
		"reserved_bits":     {frame(conform.Header{RSV: 7, Opcode: 11}, 0, ""), "← RESERVED B RSV3 RSV2 RSV1, 0 B"},
		"masked_by_server":  {frame(conform.Header{Fin: true, Opcode: 9, Masked: true}, 0, ""), "← PING FIN masked, 0 B"},
		"claims_more":       {frame(conform.Header{Fin: true, Opcode: 2, Length: 1 << 62}, 1, "\xff"), "← BINARY FIN claims 4611686018427387904 B, 1 B  ff"},
		"more_than_kept":    {frame(conform.Header{Fin: true, Opcode: 1, Length: 12345}, 12345, "abcd"), `← TEXT FIN, 12,345 B  "abcd" and 12,341 B`},
		"half_a_character":  {frame(conform.Header{Fin: true, Opcode: 1, Length: 9}, 9, "κόσ\xce"), `← TEXT FIN, 9 B  "κόσ" and 2 B`},
		"raw":               {conform.Record{Dir: conform.Sent, Length: 2, Data: []byte("\r\n")}, `→ bytes, 2 B  "\r\n"`},
		"note":              {conform.Record{Note: "TCP\x1bended"}, `· TCP\x1bended`},
	} {
		got := newLine(&tt.record, 100).String()
		if _, got, _ = strings.Cut(strings.TrimSpace(got), " "); strings.TrimSpace(got) != tt.want {
			t.Errorf("%s: %q, want %q", name, strings.TrimSpace(got), tt.want)
		}
	}
}

func TestLines_leaves_out_the_middle(t *testing.T) {
	log := make([]conform.Record, 500)
	for i := range log {
		log[i].At = time.Duration(i) * time.Millisecond
	}
	got := lines(log, excerpt{first: 3, last: 2})
	if len(got) != 6 || got[2].At != "2.000" || got[4].At != "498.000" || !strings.HasPrefix(got[3].Text, "495 lines are left out") {
		t.Errorf("%+v", got)
	}
	for _, n := range []int{0, 5, 6} {
		if got := lines(log[:n], excerpt{first: 3, last: 2}); len(got) != n {
			t.Errorf("of %d lines %d are shown", n, len(got))
		}
	}
}
