package handshake

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// answerOf has net/http read an answer.
func answerOf(t *testing.T, head []byte) *http.Response {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// FuzzCheckAnswer holds the check of answers to a second, plain reading of RFC 6455 4.1.
func FuzzCheckAnswer(f *testing.F) {
	const answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + exampleAccept + "\r\n"
	for _, head := range []string{
		answer + "\r\n",
		answer + "Sec-WebSocket-Protocol: chat\r\n\r\n",
		answer + "Sec-WebSocket-Protocol: chat, soap\r\n\r\n",
		answer + "Sec-WebSocket-Accept: " + exampleAccept + "\r\n\r\n",
		strings.Replace(answer, "websocket", "h2c, WebSocket ,", 1) + "Connection: x\r\n\r\n",
		strings.Replace(answer, "101 Switching Protocols", "200 OK", 1) + "Content-Length: 0\r\n\r\n",
		strings.Replace(answer, "HTTP/1.1", "HTTP/1.0", 1) + "\r\n",
		answer + strings.Repeat("A: b\r\n", MaxHeaders) + "\r\n",
		answer + "A: " + strings.Repeat("b", MaxHeadBytes) + "\r\n\r\n",
	} {
		f.Add([]byte(head), "chat soap")
		f.Add([]byte(head), "")
	}
	f.Fuzz(func(t *testing.T, head []byte, offered string) {
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), nil)
		if err != nil {
			t.Skip()
		}
		offer := Offer{Key: exampleKey, Subprotocols: strings.Fields(offered)}
		chosen, err := offer.CheckAnswer(resp)
		want, ok := plainCheck(resp, offer.Subprotocols)
		if ok != (err == nil) || chosen != want {
			t.Fatalf("%q, %v; a plain reading gives %q, %v", chosen, err, want, ok)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "framerail: ") {
			t.Error(err)
		}
	})
}

// plainCheck is CheckAnswer, written from the RFC once more with what the standard library has.
func plainCheck(resp *http.Response, offered []string) (chosen string, ok bool) {
	lists := func(field, want string) bool {
		for element := range strings.SplitSeq(strings.Join(resp.Header.Values(field), ","), ",") {
			element = strings.Trim(element, " \t")
			if len(element) == len(want) && strings.EqualFold(element, want) {
				return true
			}
		}
		return false
	}
	sum := sha1.Sum([]byte(exampleKey + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	accept := resp.Header.Values("Sec-WebSocket-Accept")
	protocols := resp.Header.Values("Sec-WebSocket-Protocol")
	lines, size := 0, 0
	for name, values := range resp.Header {
		lines += len(values)
		size += len(strings.Join(values, "")) + len(values)*(len(name)+4)
	}
	ok = resp.StatusCode == 101 && resp.ProtoMajor == 1 && resp.ProtoMinor >= 1 &&
		lists("Upgrade", "websocket") && lists("Connection", "upgrade") &&
		len(accept) == 1 && strings.Trim(accept[0], " \t") == base64.StdEncoding.EncodeToString(sum[:]) &&
		len(protocols) <= 1 && lines <= 100 && size <= 8192
	if ok && len(protocols) == 1 {
		chosen = strings.Trim(protocols[0], " \t")
		if ok = slices.Contains(offered, chosen); !ok {
			chosen = ""
		}
	}
	return chosen, ok
}

// FuzzOffer holds what a client writes to what a server reads of it: an offer is refused before
// it is sent, or it is a handshake with just those subprotocols and that field.
func FuzzOffer(f *testing.F) {
	f.Add("chat,soap", "permessage-deflate", "X-A", "b")
	f.Add("", "", "X-A", "b")
	f.Add("chat,chat", "", "X-A", "b")
	f.Add("a b", "", "X-A", "b")
	f.Add("", "", "Sec-WebSocket-Key", "b")
	f.Add("", "", "X-A", "b\r\nHost: other.example")
	f.Add("", "", "X-A", strings.Repeat("b", 5000))
	f.Fuzz(func(t *testing.T, names, extensions, name, value string) {
		offer := Offer{Key: NewKey()}
		if names != "" {
			offer.Subprotocols = strings.Split(names, ",")
		}
		header := http.Header{name: {value}}
		err := cmp.Or(offer.Validate(), CheckRequestHeader(header))
		if CheckExtensions(extensions) != nil || len(names)+len(extensions)+len(name)+len(value) > MaxHeadBytes/2 {
			t.Skip() // the first is not the program's, and the second a matter of the server's limit
		}
		var caller *CallerError
		if err != nil {
			if !errors.As(err, &caller) || errors.Unwrap(caller) == nil {
				t.Errorf("%v has no rule", err)
			}
			return
		}
		offer.SetHeader(header, extensions)
		var r Request
		err = ParseHTTP(&http.Request{Method: "GET", Host: "example.com", RequestURI: "/", ProtoMajor: 1, ProtoMinor: 1, Header: header}, &r)
		if err == nil {
			err = r.Verify()
		}
		if err != nil || !r.IsUpgrade() {
			t.Fatalf("%q %q: %q is refused: %v", names, name, value, err)
		}
		var offered []string
		for name := range r.Subprotocols {
			offered = append(offered, string(name))
		}
		got, n := r.field(name)
		if !slices.Equal(offered, offer.Subprotocols) || n != 1 || string(got) != strings.Trim(value, " \t") {
			t.Errorf("%q became %q, and %q: %q became %q", offer.Subprotocols, offered, name, value, got)
		}
		if _, err := offer.CheckAnswer(&http.Response{Status: "101", StatusCode: 101, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{
			"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Accept": {Accept(string(r.Key))}}}); err != nil {
			t.Errorf("the answer to the server's key is refused: %v", err)
		}
	})
}
