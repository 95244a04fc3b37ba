package handshake

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// read parses an answer as a client would, and wants nothing behind it.
func read(t *testing.T, answer []byte, method string) (*http.Response, string) {
	t.Helper()
	in := bufio.NewReader(bytes.NewReader(answer))
	resp, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%v in\n%s", err, answer)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(in); len(rest) > 0 {
		t.Errorf("behind the answer: %q", rest)
	}
	return resp, string(body)
}

func TestAppendResponse(t *testing.T) {
	r := parse(t, minimal("Sec-WebSocket-Protocol: chat, superchat"))
	got, err := AppendResponse([]byte("before|"), r, Response{
		Subprotocol: "superchat",
		Extensions:  "permessage-deflate; client_max_window_bits=12",
		Header:      http.Header{"X-B": {"2", "3"}, "Set-Cookie": {"a=b; Path=/"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "before|" + request(
		"HTTP/1.1 101 Switching Protocols",
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Accept: "+sampleAccept,
		"Sec-WebSocket-Protocol: superchat",
		"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=12",
		"Set-Cookie: a=b; Path=/",
		"X-B: 2",
		"X-B: 3",
	)
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// injections are what a caller may pass on from a place it should not trust.
var injections = []string{"a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX-Evil: 1", "a\x00b", "\r\n\r\nHTTP/1.1 200 OK", "a\x7f", "\x1b[2J"}

func TestAppendResponseRefusesWhatTheCallerMayNotSend(t *testing.T) {
	type answer struct {
		resp Response
		want error
	}
	answers := map[string]answer{
		"subprotocol not offered": {Response{Subprotocol: "other"}, ErrSubprotocolNotOffered},
		"subprotocol case":        {Response{Subprotocol: "Chat"}, ErrSubprotocolNotOffered},
		"subprotocol list":        {Response{Subprotocol: "chat, superchat"}, ErrSubprotocolNotOffered},
		"empty name":              {Response{Header: http.Header{"": {"a"}}}, ErrHeaderName},
		"name with SP":            {Response{Header: http.Header{"X A": {"a"}}}, ErrHeaderName},
		"name with colon":         {Response{Header: http.Header{"X:": {"a"}}}, ErrHeaderName},
		"bad name without value":  {Response{Header: http.Header{"X:": nil}}, ErrHeaderName},
	}
	for _, bad := range injections {
		answers["value "+bad] = answer{Response{Header: http.Header{"X": {"fine", bad}}}, ErrHeaderValue}
		answers["name "+bad] = answer{Response{Header: http.Header{bad: {"a"}}}, ErrHeaderName}
		answers["subprotocol "+bad] = answer{Response{Subprotocol: bad}, ErrSubprotocolNotOffered}
	}
	for _, name := range []string{
		"Upgrade", "upgrade", "Connection", "CONNECTION", "Sec-WebSocket-Accept", "sec-websocket-accept", "Sec-Websocket-Protocol",
		"Sec-WebSocket-Extensions", "Sec-WebSocket-Version", "Sec-WebSocket-", "Content-Length", "Transfer-Encoding", "Trailer",
	} {
		answers["own name "+name] = answer{Response{Header: http.Header{name: {"a"}}}, ErrHeaderOwned}
	}
	r := parse(t, minimal("Sec-WebSocket-Protocol: chat"))
	for name, tc := range answers {
		t.Run(name, func(t *testing.T) {
			got, err := AppendResponse([]byte("before"), r, tc.resp)
			var caller *CallerError
			if !errors.Is(err, tc.want) || !errors.As(err, &caller) {
				t.Errorf("%v, want the caller's error %v", err, tc.want)
			}
			if string(got) != "before" {
				t.Errorf("appended %q", got)
			}
			if strings.ContainsAny(err.Error(), "\r\n\x00\x1b") {
				t.Errorf("control bytes in the error: %q", err)
			}
		})
	}
}

func TestAppendResponseLetsHarmlessHeadersPass(t *testing.T) {
	r := parse(t, minimal())
	header := http.Header{"X-Empty": {""}, "X-Tab": {"a\tb"}, "X-Latin": {"caf\xe9"}, "Sec-Websocke": {"a"}, "X-None": nil}
	got, err := AppendResponse(nil, r, Response{Header: header})
	if err != nil {
		t.Fatal(err)
	}
	resp, _ := read(t, got, "GET")
	if resp.Header.Get("X-Tab") != "a\tb" || resp.Header.Get("X-Latin") != "caf\xe9" {
		t.Errorf("got %v", resp.Header)
	}
}

func TestEveryRefusalIsAnAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		r      *Refusal
		status int
		header map[string]string
	}{
		"bad request":    {ErrBareLF, 400, nil},
		"forbidden":      {ErrOrigin, 403, nil},
		"by the program": {ErrForbidden, 403, nil},
		"not found":      {ErrNotFound, 404, nil},
		"method":         {ErrMethod, 405, map[string]string{"Allow": "GET"}},
		"timeout":        {ErrTimeout, 408, nil},
		"not an upgrade": {ErrNotUpgrade, 426, map[string]string{"Upgrade": "websocket"}},
		"version":        {ErrVersion, 426, map[string]string{"Upgrade": "websocket", "Sec-WebSocket-Version": "13"}},
		"too long":       {ErrHeadTooLong, 431, nil},
		"too many":       {ErrTooManyHeaders, 431, nil},
		"internal":       {ErrInternal, 500, nil},
		"coding":         {ErrTransferCoding, 501, nil},
		"unavailable":    {Unavailable(7), 503, map[string]string{"Retry-After": "7"}},
		"unavailable, 0": {Unavailable(0), 503, map[string]string{"Retry-After": "1"}},
		"HTTP/2":         {ErrHTTPMajor, 505, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tc.r.Validate(); err != nil {
				t.Fatal(err)
			}
			resp, body := read(t, tc.r.AppendResponse(nil, time.Time{}), "GET")
			if resp.StatusCode != tc.status || body != tc.r.Reason+"\n" || strings.Count(body, "\n") != 1 {
				t.Errorf("got %d %q", resp.StatusCode, body)
			}
			if !resp.Close || resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("close %v, header %v", resp.Close, resp.Header)
			}
			for field, want := range tc.header {
				if got := resp.Header.Get(field); got != want {
					t.Errorf("%s: %q, want %q", field, got, want)
				}
			}
			if !strings.Contains(tc.r.Error(), tc.r.Reason) {
				t.Errorf("error %q leaves out the reason", tc.r)
			}
		})
	}
}

func TestRefusalAsBytes(t *testing.T) {
	got := ErrVersion.AppendResponse([]byte("before|"), time.Date(1994, 11, 6, 9, 49, 37, 0, time.FixedZone("", 3600)))
	want := "before|" + request(
		"HTTP/1.1 426 Upgrade Required",
		"Date: Sun, 06 Nov 1994 08:49:37 GMT",
		"Content-Type: text/plain; charset=utf-8",
		"Content-Length: 47",
		"Connection: Upgrade, close",
		"Sec-Websocket-Version: 13",
		"Upgrade: websocket",
	) + "Sec-WebSocket-Version is not 13 (RFC 6455 4.4)\n"
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRefusalOfTheProgram(t *testing.T) {
	r := &Refusal{Status: 401, Reason: "no token", Body: `{"error":"token"}`, Header: http.Header{
		"Content-Type": {"application/json"}, "Www-Authenticate": {"Bearer"},
	}}
	resp, body := read(t, r.AppendResponse(nil, time.Time{}), "GET")
	if resp.StatusCode != 401 || body != r.Body || resp.Header.Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("got %d %q %v", resp.StatusCode, body, resp.Header)
	}
	if types := resp.Header["Content-Type"]; len(types) != 1 || types[0] != "application/json" {
		t.Errorf("Content-Type %q", types)
	}
	if resp, _ := read(t, (&Refusal{Status: 499}).AppendResponse(nil, time.Time{}), "GET"); resp.StatusCode != 499 {
		t.Errorf("status without a text: %d", resp.StatusCode)
	}
}

func TestRefusalToHEADHasNoBody(t *testing.T) {
	got := ErrNotFound.AppendHeadResponse(nil, time.Time{})
	resp, _ := read(t, got, "HEAD")
	if resp.ContentLength != int64(len(ErrNotFound.Reason)+1) || !bytes.HasSuffix(got, []byte("\r\n\r\n")) {
		t.Errorf("got %q", got)
	}
}

func TestRefusalThatCannotBeSentIsA500(t *testing.T) {
	refusals := map[string]*Refusal{
		"zero":           {},
		"200":            {Status: 200},
		"101":            {Status: 101},
		"304":            {Status: 304},
		"600":            {Status: 600},
		"Connection":     {Status: 403, Header: http.Header{"connection": {"keep-alive"}}},
		"Content-Length": {Status: 403, Header: http.Header{"Content-Length": {"0"}}},
		"TE":             {Status: 403, Header: http.Header{"Transfer-Encoding": {"chunked"}}},
	}
	for _, bad := range injections {
		refusals["value "+bad] = &Refusal{Status: 403, Header: http.Header{"X": {bad}}}
		refusals["name "+bad] = &Refusal{Status: 403, Header: http.Header{bad: {"x"}}}
	}
	for name, r := range refusals {
		t.Run(name, func(t *testing.T) {
			var caller *CallerError
			if err := r.Validate(); !errors.As(err, &caller) {
				t.Errorf("Validate: %v, want the caller's error", err)
			}
			if got := r.AppendResponse(nil, time.Time{}); !bytes.Equal(got, ErrInternal.AppendResponse(nil, time.Time{})) {
				t.Errorf("got %q", got)
			}
			if got := r.AppendHeadResponse(nil, time.Time{}); !bytes.Equal(got, ErrInternal.AppendHeadResponse(nil, time.Time{})) {
				t.Errorf("got %q for HEAD", got)
			}
		})
	}
}

func TestInjectionThroughABodyStaysInTheBody(t *testing.T) {
	for _, text := range injections {
		for _, r := range []*Refusal{{Status: 403, Body: text}, {Status: 403, Reason: text}} {
			resp, body := read(t, r.AppendResponse(nil, time.Time{}), "GET")
			if !strings.HasPrefix(body, text) || resp.Header.Get("X-Evil") != "" {
				t.Errorf("body %q, header %v", body, resp.Header)
			}
		}
	}
}

func TestUnavailableIsErrUnavailable(t *testing.T) {
	if !errors.Is(Unavailable(3), ErrUnavailable) {
		t.Error("errors.Is does not see it")
	}
	if errors.Is(ErrTimeout, ErrUnavailable) {
		t.Error("errors.Is sees what is not there")
	}
}
