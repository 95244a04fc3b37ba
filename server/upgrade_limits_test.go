package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// Limits that the function given to Upgrade sets hold from the first message on, even if that has
// come with the request.
func TestUpgrade_LimitsSetInOpenHoldForTheFirstMessage(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := &Server{Dispatch: d, OnMessage: echo, Limits: Limits{Limits: conn.Limits{MaxMessageSize: 10}}}
		web := serveWeb(t, s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := s.Upgrade(w, r, func(c *conn.Conn) {
				if err := c.SetLimits(conn.Limits{MaxMessageSize: 1000}); err != nil {
					t.Error(err)
				}
			}); err != nil {
				t.Error(err)
			}
		}))
		text := strings.Repeat("x", 900)
		p := web.dialRaw(t)
		p.send(with() + masked(frame.Text, true, text))
		if resp := p.response(); resp.StatusCode != http.StatusSwitchingProtocols {
			t.Fatal(resp.Status)
		}
		p.expectText(text)
		p.send(masked(frame.Text, true, text+text))
		p.expectClose(frame.MessageTooBig)
	})
}
