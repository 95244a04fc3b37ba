package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// expectAllAccounted fails unless every accepted connection became something.
func expectAllAccounted(t *testing.T, st Stats) {
	t.Helper()
	if accounted(st) != st.Accepted {
		t.Errorf("%d accepted, but %d opened, %d handed over and refused %v", st.Accepted, st.Opened, st.HandedOver, st.Refused)
	}
}

// accounted is how many connections were opened, handed over or refused.
func accounted(st Stats) uint64 {
	n := st.Opened + st.HandedOver
	for _, refused := range st.Refused {
		n += refused
	}
	return n
}

func TestStats_CountTraffic(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := start(t, &Server{Dispatch: d, OnMessage: echo})
		const clients, each = 5, 7
		for range clients {
			p := dial(t, s)
			for i := range each {
				p.text(fmt.Sprint(i))
				p.expectText(fmt.Sprint(i))
			}
		}
		var st Stats
		eventually(t, "the loops' turns to end", func() bool {
			st = s.Stats()
			return st.Sent.Messages == clients*each
		})
		if st.Accepted != clients || st.Opened != clients || st.Clients != clients || st.Received.Messages != clients*each {
			t.Errorf("%d accepted, %d opened, %d open, %d messages received; want 5, 5, 5, 35",
				st.Accepted, st.Opened, st.Clients, st.Received.Messages)
		}
		if st.Timers != clients {
			t.Errorf("%d timers, want one for each client", st.Timers)
		}
		if head, least := len(upgrade)+2, clients*each*7; st.Received.Bytes != uint64(clients*head+least) {
			t.Errorf("%d bytes received, want %d", st.Received.Bytes, clients*head+least)
		}
		var sum LoopStats
		for _, ls := range st.Loops {
			sum.add(&ls)
		}
		if len(st.Loops) != 2 || !reflect.DeepEqual(sum, st.LoopStats) {
			t.Errorf("the loops' sum is %+v, the whole %+v", sum, st.LoopStats)
		}
	})
}

func TestStats_CountRefusalsByReason(t *testing.T) {
	parallel(t)
	s := start(t, &Server{Path: "/chat", Limits: Limits{HandshakeTimeout: 10 * time.Second},
		Check: func(h *Handshake) error {
			if h.Request.Header.Get("Refuse") != "" {
				return &Refusal{Status: http.StatusBadRequest}
			}
			if h.Request.Header.Get("Panic") != "" {
				panic("x")
			}
			return nil
		}})
	for _, test := range []struct {
		request string
		status  int
		reason  Reason
	}{
		{"hello\r\n\r\n", 400, ReasonMalformed},
		{replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 400, ReasonMalformed},
		{with("Refuse: 1"), 400, ReasonCheck},
		{with("Panic: 1"), 500, ReasonInternal},
		{with("Origin: https://evil.example"), 403, ReasonOrigin},
		{replace("/chat?room=1", "/other"), 404, ReasonPath},
		{replace("GET", "POST"), 405, ReasonNotUpgrade},
		{"GET /chat HTTP/1.1\r\nHost: a\r\n\r\n", 426, ReasonNotUpgrade},
		{replace("Version: 13", "Version: 8"), 426, ReasonVersion},
		{with("Cookie: " + strings.Repeat("c", defaultMaxHandshakeBytes)), 431, ReasonTooLarge},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, ReasonVersion},
		{"GET", 408, ReasonTimeout},
	} {
		before := s.Stats()
		p := dialRaw(t, s)
		p.send(test.request)
		p.expectRefusal(test.status)
		st := s.Stats()
		expectAllAccounted(t, st)
		for reason, n := range st.Refused {
			want := before.Refused[reason]
			if reason == test.reason {
				want++
			}
			if n != want {
				t.Errorf("%.20q: %d refused as %s, want %d", test.request, n, reason, want)
			}
		}
	}
	if n := s.Stats().Panics; n != 1 {
		t.Errorf("%d panics counted, want Check's", n)
	}
	p := dialRaw(t, s)
	p.send("GET")
	p.Close()
	eventually(t, "its leaving to be counted", func() bool { return s.Stats().Refused[ReasonLeft] == 1 })
	expectAllAccounted(t, s.Stats())
}

func TestStats_CountWhatIsHandedOver(t *testing.T) {
	s := start(t, handled(describe))
	resp, err := webClient(t).Get("http://" + s.ListenAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	st := s.Stats()
	expectAllAccounted(t, st)
	if st.HandedOver != 1 || st.Opened != 0 {
		t.Errorf("%d handed over and %d opened, want 1 and 0", st.HandedOver, st.Opened)
	}
}

func TestStats_StayWhenTheServerHasEnded(t *testing.T) {
	s := start(t, &Server{OnMessage: echo})
	if st := new(Server).Stats(); st.Accepted != 0 || len(st.Loops) != 0 {
		t.Errorf("before the start: %+v", st)
	}
	p := dial(t, s)
	p.alive()
	waiting := dialRaw(t, s) // and asks for nothing
	eventually(t, "both to be accepted", func() bool { return s.Stats().Accepted == 2 })
	_ = s.Close()
	_ = waiting
	st := s.Stats()
	expectAllAccounted(t, st)
	if st.Clients != 0 || st.Timers != 0 || st.Buffers != 0 || st.BufferBytes != 0 || st.Pending != 0 {
		t.Errorf("after the end: %+v", st.LoopStats)
	}
	if st.Refused[ReasonDraining] != 1 {
		t.Errorf("refused %v, want one for the end", st.Refused)
	}
	want := CloseKind{By: conn.Local, Code: frame.AbnormalClosure}
	for kind, n := range st.Closes {
		if kind != want || n != 1 {
			t.Errorf("%d closes as %v, want 1 as %v", n, kind, want)
		}
	}
}

func TestStats_AreJSON(t *testing.T) {
	s := start(t, &Server{OnMessage: echo})
	dial(t, s).alive()
	b, err := json.Marshal(s.Stats())
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Accepted, Opened uint64
		Received         struct{ Messages uint64 }
		Loops            []struct{ Accepted uint64 }
	}
	if err := json.Unmarshal(b, &back); err != nil || back.Accepted != 1 || back.Opened != 1 || len(back.Loops) != 2 {
		t.Errorf("%s: %+v, %v", b, back, err)
	}
}

func BenchmarkStats(b *testing.B) {
	for _, loops := range []int{16} {
		b.Run(fmt.Sprintf("loops=%d", loops), func(b *testing.B) {
			s := start(b, &Server{Loops: loops, OnMessage: echo})
			b.ReportAllocs()
			for b.Loop() {
				_ = s.Stats()
			}
		})
	}
}

// A reason for which nobody was refused is not listed.
func TestStats_RefusedHasOnlyReasonsThatWere(t *testing.T) {
	s := start(t, &Server{OnMessage: echo})
	if n := len(s.Stats().Refused); n != 0 {
		t.Errorf("%d reasons before anybody was refused", n)
	}
}
