package main

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/framerail/framerail/cmd/internal/chat"
)

// metricsURL waits for the log to tell where the metrics are.
func (p *process) metricsURL(t *testing.T) string {
	t.Helper()
	pattern := regexp.MustCompile(`msg="serving metrics" url=(\S+)/metrics`)
	for ctx := within(t); ; time.Sleep(time.Millisecond) {
		if found := pattern.FindStringSubmatch(p.log.String()); found != nil {
			return found[1]
		}
		if ctx.Err() != nil {
			t.Fatal("the log does not tell where the metrics are")
		}
	}
}

// get is the body at a URL.
func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, resp.Status, err)
	}
	return string(body)
}

func TestMetricsAreServed(t *testing.T) {
	for _, command := range []string{"echo", "chat"} {
		t.Run(command, func(t *testing.T) {
			p := start(t, command, "--addr=127.0.0.1:0", "--metrics=127.0.0.1:0")
			url := p.url
			if command == "chat" {
				url = strings.Replace(url, "http:", "ws:", 1) + strings.TrimPrefix(chat.SocketPath, "/")
			}
			c := dial(t, url)

			at := p.metricsURL(t)
			metrics := get(t, at+"/metrics")
			for _, line := range []string{
				"framerail_connections 1",
				"framerail_connections_opened_total 1",
				`framerail_messages_total{direction="received"} 0`,
				`framerail_loop_turn_seconds_bucket{loop="0",le="+Inf"} `,
				"go_goroutines ",
			} {
				if !strings.Contains(metrics, "\n"+line) {
					t.Errorf("no line %q in:\n%s", line, metrics)
				}
			}
			var vars struct {
				Framerail struct {
					Clients int
					Opened  uint64
				}
			}
			if err := json.Unmarshal([]byte(get(t, at+"/debug/vars")), &vars); err != nil {
				t.Error(err)
			}
			if vars.Framerail.Clients != 1 || vars.Framerail.Opened != 1 {
				t.Errorf("/debug/vars has %+v, want one client", vars.Framerail)
			}
			c.Close(websocket.StatusNormalClosure, "")
			p.stop(t)
		})
	}
}

func TestMetricsAddressInUseIsStatus1(t *testing.T) {
	p := start(t, "echo", "--addr=127.0.0.1:0")
	status, stdout, stderr := finish(t, "echo", "--addr=127.0.0.1:0", "--metrics="+p.host(t))
	if status != exitFailed || stdout != "" || !strings.Contains(stderr, "address already in use") {
		t.Errorf("exit status %d, standard output %q, standard error %q", status, stdout, stderr)
	}
}
