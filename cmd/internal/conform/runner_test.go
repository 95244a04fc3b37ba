package conform

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// play runs the cases that match pattern against a server and returns the results.
func play(t *testing.T, url string, patience time.Duration, patterns ...string) map[string]Result {
	t.Helper()
	results, err := tryToPlay(t, url, patience, patterns...)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// tryToPlay is play for a patience that may be too short: then there is an error.
func tryToPlay(t *testing.T, url string, patience time.Duration, patterns ...string) (map[string]Result, error) {
	t.Helper()
	if len(patterns) == 0 {
		return nil, nil
	}
	cases, err := Select(Cases(), patterns, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := Runner{URL: url, Cases: cases, Parallel: 8, Patience: patience}
	report, err := r.Run(context.Background())
	results := map[string]Result{}
	for _, result := range report.Results {
		results[result.ID] = result
	}
	return results, err
}

// A server with nothing wrong passes: what the others miss is their fault alone.
func TestFaultlessServerPasses(t *testing.T) {
	url := faulty{}.serve(t)
	results := play(t, url, 20*time.Second, "1.*", "2.*", "3.*", "4.*", "5.*", "6.[1-3].*", "6.??.*", "7.*", "9.1.1", "10.*", "header.?", "close.*")
	var err error
	for _, patience := range []time.Duration{time.Second, 5 * time.Second, 20 * time.Second} { // longer if the machine is busy
		var late map[string]Result
		late, err = tryToPlay(t, url, patience, "6.4.*")
		maps.Copy(results, late)
		if err == nil && !slices.ContainsFunc(slices.Collect(maps.Values(late)), func(r Result) bool { return r.Verdict != NonStrict || !r.Passed() }) {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	for id, r := range results {
		want := OK
		switch {
		case strings.HasPrefix(id, "6.4."):
			want = NonStrict // it looks at text when the message is whole, for which is waited
		case id == "7.1.6" || strings.HasPrefix(id, "7.13."):
			want = Informational
		}
		if r.Verdict != want || !r.Passed() {
			t.Errorf("%s: %v, closing %v: %s | %s", id, r.Verdict, r.Closing, r.Came, r.Ended)
		}
	}
}

// Each fault is found by the cases that are about it, and by no others of those listed.
func TestFaultyServersFail(t *testing.T) {
	const never = "FAILED, closing FAILED"
	for name, c := range map[string]struct {
		server faulty
		missed map[string]string // case to verdict and closing
		passed []string
	}{
		"a wrong close code": {faulty{wrongCode: true}, map[string]string{"3.1": "OK, closing WRONG CODE", "5.1": "OK, closing WRONG CODE",
			"6.3.1": "OK, closing WRONG CODE", "7.9.1": "FAILED, closing WRONG CODE", "7.3.2": "FAILED, closing WRONG CODE"}, []string{"1.1.2", "7.3.3"}},
		"text is not checked": {faulty{anyText: true}, map[string]string{"6.3.1": never, "6.3.2": never, "6.4.1": never, "6.6.1": never, "6.20.1": never},
			[]string{"6.2.1", "1.1.2"}},
		"unmasked frames are taken": {faulty{anyMask: true}, map[string]string{"header.1": never, "header.2": never, "header.3": never,
			"header.6": "OK, closing WRONG CODE", "header.7": never}, []string{"1.1.2"}},
		"reserved bits are ignored":     {faulty{anyBits: true}, map[string]string{"3.1": never, "3.2": never, "3.5": never, "3.6": never}, []string{"1.1.2"}},
		"reserved opcodes are taken":    {faulty{anyOpcode: true}, map[string]string{"4.1.1": never, "4.1.3": never, "4.2.2": never}, []string{"1.1.2"}},
		"long control frames are taken": {faulty{anyLength: true}, map[string]string{"2.5": never, "5.1": "FAILED, closing OK", "7.3.6": "FAILED, closing OK"}, []string{"2.4"}},
		"the echo is altered": {faulty{altersEcho: true}, map[string]string{"1.1.2": "FAILED, closing OK", "1.2.8": "FAILED, closing OK",
			"5.3": "FAILED, closing OK"}, []string{"1.1.1", "2.2"}},
		"the echo has the right length only": {faulty{swapsHalves: true}, map[string]string{"9.1.1": "FAILED, closing OK", "9.2.1": "FAILED, closing OK",
			"10.1.1": "FAILED, closing OK"}, []string{"1.1.2"}},
		"text comes back as binary": {faulty{echoesBinary: true}, map[string]string{"1.1.1": "FAILED, closing OK"}, []string{"1.2.1"}},
		"pongs are altered":         {faulty{altersPong: true}, map[string]string{"2.2": "FAILED, closing OK", "5.6": "FAILED, closing OK"}, []string{"2.1", "1.1.2"}},
		"pings are not answered":    {faulty{noPong: true}, map[string]string{"2.1": "FAILED, closing OK", "2.10": "FAILED, closing OK"}, []string{"2.7", "1.1.2"}},
		"fragments change places":   {faulty{reverses: true}, map[string]string{"5.3": "FAILED, closing OK", "6.2.2": "FAILED, closing OK"}, []string{"1.1.2"}},
		"lengths in the wrong form": {faulty{longForm: true}, map[string]string{"1.1.2": "FAILED, closing UNCLEAN", "2.1": "FAILED, closing UNCLEAN"}, nil},
		"masked by the server":      {faulty{masks: true}, map[string]string{"1.1.1": "FAILED, closing UNCLEAN"}, nil},
		"a pong that is not final":  {faulty{fragmentedPong: true}, map[string]string{"2.1": "FAILED, closing UNCLEAN"}, []string{"1.1.2"}},
		"text that is not UTF-8":    {faulty{badText: true}, map[string]string{"1.1.1": "FAILED, closing UNCLEAN"}, []string{"1.2.1"}},
		"a Close is not answered":   {faulty{noClose: true}, map[string]string{"1.1.1": "OK, closing UNCLEAN", "7.3.3": "OK, closing UNCLEAN"}, []string{"3.1"}},
		"TCP is left open": {faulty{staysOpen: true}, map[string]string{"1.1.1": "OK, closing FAILED BY CLIENT",
			"3.1": "OK, closing FAILED BY CLIENT"}, nil},
		"frames behind a Close": {faulty{talksOn: true}, map[string]string{"1.1.1": "FAILED, closing OK", "3.1": "FAILED, closing OK"}, nil},
		"a Close with 1005":     {faulty{badClose: true}, map[string]string{"1.1.1": "FAILED, closing UNCLEAN"}, []string{"3.1"}},
		"nothing is ever sent":  {faulty{silent: true}, map[string]string{"1.1.1": "FAILED, closing UNCLEAN", "2.1": "FAILED, closing UNCLEAN"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait most of the time
			url := c.server.serve(t)
			for id, r := range play(t, url, 20*time.Second, c.passed...) {
				if !r.Passed() {
					t.Errorf("%s: %v, closing %v: %s | %s", id, r.Verdict, r.Closing, r.Came, r.Ended)
				}
			}
			// What a fault keeps from coming is waited for; longer if the machine is busy.
			var wrong []string
			for _, patience := range []time.Duration{300 * time.Millisecond, 3 * time.Second, 20 * time.Second} {
				if wrong = verdictsOtherThan(t, url, patience, c.missed); wrong == nil {
					return
				}
			}
			t.Error(strings.Join(wrong, "\n"))
		})
	}
}

// verdictsOtherThan runs the cases in want and tells whose verdicts are others.
func verdictsOtherThan(t *testing.T, url string, patience time.Duration, want map[string]string) (wrong []string) {
	t.Helper()
	results, err := tryToPlay(t, url, patience, slices.Sorted(maps.Keys(want))...)
	if err != nil {
		return []string{err.Error()}
	}
	for id, r := range results {
		if got := r.Verdict.String() + ", closing " + r.Closing.String(); got != want[id] {
			wrong = append(wrong, fmt.Sprintf("%s: %s, want %s: %s | %s", id, got, want[id], r.Came, r.Ended))
		}
	}
	return wrong
}

// A server that does not open connections as RFC 6455 4.2.2 says is not held against
// anything: the run fails with the reason.
func TestRunNeedsAnOpeningHandshake(t *testing.T) {
	for want, server := range map[string]faulty{
		"Sec-WebSocket-Accept is":     {wrongAccept: true},
		"of which none was offered":   {extension: true},
		"which was not offered":       {subprotocol: true},
		"answered with 403 Forbidden": {status: "403 Forbidden"},
	} {
		r := Runner{URL: server.serve(t), Cases: Cases(), Patience: 20 * time.Second}
		report, err := r.Run(context.Background())
		if err == nil || !strings.Contains(err.Error(), want) || len(report.Results) != 0 {
			t.Errorf("got %v and %d results, want an error with %q", err, len(report.Results), want)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	r := Runner{URL: faulty{}.serve(t), Cases: Cases(), Parallel: 2}
	r.OnResult = func(done, total int, _ Result) {
		if total != len(r.Cases) {
			t.Errorf("%d cases, want %d", total, len(r.Cases))
		}
		if done == 10 {
			cancel()
		}
	}
	report, err := r.Run(ctx)
	if n := len(report.Results); err != context.Canceled || n < 10 || n > 20 {
		t.Errorf("%d results and %v", n, err)
	}
}

// wss:// URLs are for servers with a certificate that is trusted.
func TestRunOverTLS(t *testing.T) {
	https := httptest.NewTLSServer(nil) // for its certificate
	defer https.Close()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: https.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	faulty{}.serveOn(t, ln)
	cases, err := Select(Cases(), []string{"1.?.[1-7]", "2.*", "5.?", "7.[1-9].*", "attack.1?"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := Runner{URL: "wss://" + ln.Addr().String() + "/", Cases: cases, Parallel: 8, Patience: 20 * time.Second}
	if _, err := r.Run(context.Background()); err == nil {
		t.Error("a certificate that nobody trusts was accepted")
	}
	roots := x509.NewCertPool()
	roots.AddCert(https.Certificate())
	r.TLS = &tls.Config{RootCAs: roots}
	report, err := r.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if !r.Passed() {
			t.Errorf("%s: %v, closing %v: %s | %s", r.ID, r.Verdict, r.Closing, r.Came, r.Ended)
		}
	}
}
