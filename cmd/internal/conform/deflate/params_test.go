package deflate

import (
	"strings"
	"testing"
)

func TestOffer_String(t *testing.T) {
	for want, o := range map[string]Offer{
		"permessage-deflate": {},
		"permessage-deflate; client_no_context_takeover; client_max_window_bits": {ClientNoContextTakeover: true, ClientMaxWindowBits: NoValue},
		"permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits=10": {
			ServerNoContextTakeover: true, ServerMaxWindowBits: 9, ClientMaxWindowBits: 10},
	} {
		if got := o.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAgree(t *testing.T) {
	plain := Offer{}
	asks := Offer{ServerNoContextTakeover: true, ServerMaxWindowBits: 9}
	hints := Offer{ClientMaxWindowBits: NoValue}
	bounds := Offer{ClientMaxWindowBits: 10}
	for _, tt := range []struct {
		offers []Offer
		answer string
		want   Params
		fails  string // part of the error
	}{
		{[]Offer{plain}, "permessage-deflate", Params{}, ""},
		{[]Offer{plain}, "permessage-deflate; server_no_context_takeover; client_no_context_takeover", Params{ServerNoContextTakeover: true, ClientNoContextTakeover: true}, ""},
		{[]Offer{plain}, "permessage-deflate;server_max_window_bits=12", Params{ServerMaxWindowBits: 12}, ""},
		{[]Offer{plain}, `permessage-deflate; server_max_window_bits="12"`, Params{ServerMaxWindowBits: 12}, ""},
		{[]Offer{plain}, "permessage-deflate; client_max_window_bits=12", Params{}, "was not offered"},
		{[]Offer{plain}, "x-webkit-deflate-frame", Params{}, "not what was offered"},
		{[]Offer{plain}, "permessage-deflate, permessage-deflate", Params{}, "not what was offered"},
		{[]Offer{plain}, "permessage-deflate; server_max_window_bits=12, x", Params{}, "no window"},
		{[]Offer{plain}, "permessage-deflate; server_max_window_bits", Params{}, "no window"},
		{[]Offer{plain}, "permessage-deflate; server_max_window_bits=07", Params{}, "no window"},
		{[]Offer{plain}, "permessage-deflate; server_max_window_bits=16", Params{}, "no window"},
		{[]Offer{plain}, "permessage-deflate; server_max_window_bits=09", Params{}, "no window"},
		{[]Offer{plain}, "permessage-deflate; server_no_context_takeover=1", Params{}, "has a value"},
		{[]Offer{plain}, "permessage-deflate; server_no_context_takeover; server_no_context_takeover", Params{}, "twice"},
		{[]Offer{plain}, "permessage-deflate; level=9", Params{}, "no parameter"},
		{[]Offer{plain}, "permessage-deflate;", Params{}, "no parameter"},
		{[]Offer{asks}, "permessage-deflate; server_no_context_takeover; server_max_window_bits=9", Params{ServerNoContextTakeover: true, ServerMaxWindowBits: 9}, ""},
		{[]Offer{asks}, "permessage-deflate; server_no_context_takeover; server_max_window_bits=8", Params{ServerNoContextTakeover: true, ServerMaxWindowBits: 8}, ""},
		{[]Offer{asks}, "permessage-deflate; server_no_context_takeover; server_max_window_bits=10", Params{}, "above"},
		{[]Offer{asks}, "permessage-deflate; server_no_context_takeover", Params{}, "server_max_window_bits was offered and not answered"},
		{[]Offer{asks}, "permessage-deflate; server_max_window_bits=9", Params{}, "server_no_context_takeover was offered and not answered"},
		{[]Offer{asks, plain}, "permessage-deflate", Params{}, ""},
		{[]Offer{hints}, "permessage-deflate; client_max_window_bits=8", Params{ClientMaxWindowBits: 8}, ""},
		{[]Offer{hints}, "permessage-deflate; client_max_window_bits", Params{}, "no window"},
		{[]Offer{bounds}, "permessage-deflate; client_max_window_bits=10", Params{ClientMaxWindowBits: 10}, ""},
		{[]Offer{bounds}, "permessage-deflate; client_max_window_bits=11", Params{}, "above"},
		{[]Offer{bounds}, "permessage-deflate", Params{ClientMaxWindowBits: 10}, ""},
		{[]Offer{{ClientNoContextTakeover: true}}, "permessage-deflate", Params{ClientNoContextTakeover: true}, ""},
		{nil, "permessage-deflate", Params{}, "none was offered"},
	} {
		got, err := Agree(tt.offers, []string{tt.answer})
		switch {
		case tt.fails == "" && (err != nil || got != tt.want):
			t.Errorf("%v, %q: %+v, %v", tt.offers, tt.answer, got, err)
		case tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails)):
			t.Errorf("%v, %q: %v, want %q", tt.offers, tt.answer, err, tt.fails)
		}
	}
	if _, err := Agree([]Offer{plain}, []string{"permessage-deflate", "permessage-deflate"}); err == nil {
		t.Error("two lines that name it are no error")
	}
}

// FuzzAgree: an answer that is taken keeps to the offer, and says the same when it is
// written out.
func FuzzAgree(f *testing.F) {
	for _, s := range []string{
		"permessage-deflate", "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
		"permessage-deflate;server_max_window_bits=\"9\"", "permessage-deflate; client_max_window_bits=8", "permessage-deflate;;", ",", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		o := Offer{ServerMaxWindowBits: 12, ClientMaxWindowBits: 10}
		p, err := Agree([]Offer{o}, []string{answer})
		if err != nil {
			return
		}
		if p.ServerMaxWindowBits < 8 || p.ServerMaxWindowBits > 12 || p.ClientMaxWindowBits < 8 || p.ClientMaxWindowBits > 10 {
			t.Fatalf("%q is taken as %v", answer, p)
		}
		if again, err := Agree([]Offer{o}, []string{p.String()}); err != nil || again != p {
			t.Fatalf("%q is taken as %v, and that as %v, %v", answer, p, again, err)
		}
	})
}
