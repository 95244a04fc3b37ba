package handshake

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
)

// extended is an extended CONNECT as net/http has it. Fields with an empty value are left out.
func extended(fields map[string]string) *http.Request {
	r := &http.Request{
		Method: http.MethodConnect, ProtoMajor: 2, Proto: "HTTP/2.0", Host: "example.com",
		URL: &url.URL{Path: "/chat"}, RequestURI: "/chat", ContentLength: -1,
		Header: http.Header{":protocol": {"websocket"}, "Sec-Websocket-Version": {"13"}},
	}
	for name, value := range fields {
		if r.Header[name] = []string{value}; value == "" {
			delete(r.Header, name)
		}
	}
	return r
}

func verdict(r *http.Request) (*Request, error) {
	var req Request
	err := ParseHTTP(r, &req)
	if err == nil {
		err = req.Verify()
	}
	return &req, err
}

func TestStream_Verdicts(t *testing.T) {
	for name, test := range map[string]struct {
		r      *http.Request
		want   *Refusal
		status int
	}{
		"accepted":           {extended(nil), nil, 0},
		"a_key_is_ignored":   {extended(map[string]string{"Sec-Websocket-Key": "no key"}), nil, 0},
		"no_version":         {extended(map[string]string{"Sec-Websocket-Version": ""}), ErrVersion, 400},
		"version_8":          {extended(map[string]string{"Sec-Websocket-Version": "8"}), ErrVersion, 400},
		"another_protocol":   {extended(map[string]string{":protocol": "connect-udp"}), ErrProtocol, 501},
		"WebSocket":          {extended(map[string]string{":protocol": "WebSocket"}), ErrProtocol, 501},
		"content_length":     {extended(map[string]string{"Content-Length": "5"}), ErrBody, 400},
		"malformed_protocol": {extended(map[string]string{"Sec-Websocket-Protocol": "a b"}), ErrSubprotocols, 400},
		"empty_origin":       {extended(map[string]string{"Origin": " "}), ErrOriginMalformed, 400},
		"smuggled_line":      {extended(map[string]string{"X": "a\r\nOrigin: https://b"}), ErrControlByte, 400},
		"not_extended":       {extended(map[string]string{":protocol": ""}), ErrHTTPMajor, 505},
	} {
		req, err := verdict(test.r)
		if test.want == nil {
			if err != nil || !req.IsStream() || string(req.Path) != "/chat" || string(req.Host) != "example.com" {
				t.Errorf("%s: %v, %+v", name, err, req)
			}
			continue
		}
		var got *Refusal
		if !errors.As(err, &got) || got.Rule() != test.want || got.Status != test.status {
			t.Errorf("%s: %v, want %d by %v", name, err, test.status, test.want)
		}
	}
	for name, change := range map[string]func(r *http.Request){
		"get":    func(r *http.Request) { r.Method = http.MethodGet },
		"http/3": func(r *http.Request) { r.ProtoMajor = 3 },
	} {
		r := extended(nil)
		change(r)
		if _, err := verdict(r); !errors.Is(err, ErrHTTPMajor) && !errors.Is(err, ErrHTTP2) || RefusalOf(err).Status != 505 {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := extended(nil)
	r.ProtoMajor, r.ProtoMinor = 1, 1
	if _, err := verdict(r); RefusalOf(err).Status != 400 {
		t.Errorf("over HTTP/1.1: %v", err)
	}
}

func TestStream_HeaderOfTheAnswer(t *testing.T) {
	req, err := verdict(extended(map[string]string{"Sec-Websocket-Protocol": "chat"}))
	if err != nil {
		t.Fatal(err)
	}
	given := http.Header{"X-A": {"b"}}
	h, err := StreamHeader(req, Response{Subprotocol: "chat", Extensions: "permessage-deflate", Header: given})
	if err != nil || len(h) != 3 || h.Get("Sec-WebSocket-Protocol") != "chat" || h.Get("Sec-WebSocket-Extensions") != "permessage-deflate" || h.Get("X-A") != "b" {
		t.Errorf("%v, %v", h, err)
	}
	if len(given) != 1 {
		t.Error("the program's header was changed")
	}
	if h, err := StreamHeader(req, Response{}); err != nil || h == nil || len(h) > 0 {
		t.Errorf("%v, %v", h, err)
	}
	for _, bad := range []Response{{Subprotocol: "other"}, {Header: http.Header{"Upgrade": {"h2c"}}}, {Header: http.Header{"A": {"b\r\nc"}}}} {
		if _, err := StreamHeader(req, bad); err == nil {
			t.Errorf("%+v can be sent", bad)
		}
	}
}

// FuzzStream holds an extended CONNECT to the same handshake over HTTP/1.1: both are accepted, with the same
// fields, or neither is.
func FuzzStream(f *testing.F) {
	f.Add("websocket", "13", "Origin", "https://example.com", "chat")
	f.Add("websocket", "8", "X-A", "b", "chat")
	f.Add("websocket", "13", "Sec-Websocket-Protocol", "chat, other", "chat")
	f.Add("websocket", "13", "X-A", "b", "")
	f.Add("connect-udp", "13", "X-A", "b", "")
	f.Add("websocket", "13", "Content-Length", "5", "a b")
	for _, bad := range injections {
		f.Add("websocket", "13", "X-A", bad, bad)
		f.Add("websocket", "13", bad, "b", "")
		f.Add("websocket", bad, "X-A", "b", "")
	}
	f.Fuzz(func(t *testing.T, protocol, version, name, value, subprotocol string) {
		if known(name) == keyField || known(name) == upgradeField || known(name) == connectionField || name == protocolKey {
			return
		}
		over2 := extended(map[string]string{":protocol": protocol, "Sec-Websocket-Version": version})
		over2.Header[name] = []string{value}
		over1 := over2.Clone(t.Context())
		over1.Method, over1.ProtoMajor, over1.ProtoMinor = http.MethodGet, 1, 1
		delete(over1.Header, ":protocol")
		over1.Header["Upgrade"], over1.Header["Connection"] = []string{"websocket"}, []string{"Upgrade"}
		over1.Header["Sec-Websocket-Key"] = []string{"dGhlIHNhbXBsZSBub25jZQ=="}
		got, err2 := verdict(over2)
		want, err1 := verdict(over1)
		delete(over2.Header, ":protocol")
		if _, err := verdict(over2); err == nil {
			t.Fatal("an ordinary CONNECT is accepted")
		}
		if protocol != "websocket" {
			if err2 == nil {
				t.Fatal("another protocol is accepted")
			}
			return
		}
		if err2 != nil || err1 != nil {
			// Of two faults in a header either may be found first. 426 is 400 over HTTP/2.
			a, b := RefusalOf(err2), RefusalOf(err1)
			if same := a.Rule() == b.Rule() || a.Malformed() && b.Malformed(); err2 == nil || err1 == nil || !same {
				t.Fatalf("over HTTP/2 %v, over HTTP/1.1 %v", err2, err1)
			}
			return
		}
		if string(got.Path) != string(want.Path) || string(got.Host) != string(want.Host) || string(got.Origin) != string(want.Origin) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		answer := Response{Subprotocol: subprotocol, Header: http.Header{"X-B": {value}}}
		_, err1 = AppendResponse(nil, want, answer)
		h, err2 := StreamHeader(got, answer)
		if (err1 == nil) != (err2 == nil) {
			t.Errorf("the answer: over HTTP/2 %v, over HTTP/1.1 %v", err2, err1)
		}
		if err2 == nil && (h.Get("Sec-WebSocket-Protocol") != subprotocol || !got.IsStream() || want.IsStream()) {
			t.Errorf("answer %v", h)
		}
	})
}
