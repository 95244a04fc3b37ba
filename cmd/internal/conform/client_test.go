package conform

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
)

// framerail's own client passes every case, and closes as it should, whether it offers compression with
// context takeover, without, or not at all. Only the cases that need what is not offered are left out.
func TestClient_IsConformant(t *testing.T) {
	for name, deflate := range map[string]client.Deflate{
		"takeover": {Enabled: true, ServerTakeover: true, ClientTakeover: true},
		"alone":    {Enabled: true},
		"plain":    {},
	} {
		t.Run(name, func(t *testing.T) {
			srv, address := serveCases(t, "*")
			c := &client.Client{
				Deflate: deflate, Logger: slog.New(slog.DiscardHandler), SlowCallback: -1,
				OnMessage: func(c *conn.Conn, m conn.Message) { _ = c.SendMessage(m) },
				Limits:    client.Limits{Limits: conn.Limits{MaxMessageSize: 32 << 20, MaxPending: 64 << 20}, HandshakeTimeout: time.Minute},
			}
			defer c.Close()
			for i := range srv.Cases {
				ws, err := c.Dial(context.Background(), fmt.Sprintf("ws://%s/runCase?case=%d&agent=framerail", address, i+1))
				if err != nil {
					t.Fatalf("%s: %v", srv.Cases[i].ID, err)
				}
				<-ws.Context().Done()
			}
			verdicts := map[Verdict]int{}
			for _, r := range clientReport(t, srv, len(srv.Cases)).Results {
				verdicts[r.Verdict]++
				good := r.Verdict == OK || r.Verdict == Informational
				ended := r.Closing == ClosingOK || r.Closing == ClosingInformational
				declined := r.Verdict == Unimplemented && !deflate.ServerTakeover
				if !declined && !(good && ended) {
					t.Errorf("%s %v %v: %s; %s", r.ID, r.Verdict, r.Closing, r.Came, r.Ended)
				}
			}
			t.Logf("%d cases: %v", len(srv.Cases), verdicts)
		})
	}
}

// clientReport is the report of the one client once all of its cases are judged.
func clientReport(t *testing.T, srv *Server, cases int) Report {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if all := srv.Reports(); len(all) == 1 && len(all[0].Results) == cases {
			return all[0]
		}
		if time.Now().After(end) {
			t.Fatal("cases are not judged")
		}
	}
}
