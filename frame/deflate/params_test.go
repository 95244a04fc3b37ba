package deflate

import "testing"

func TestParams_String(t *testing.T) {
	for want, p := range map[string]Params{
		"permessage-deflate":                                                        {},
		"permessage-deflate; server_no_context_takeover":                            {ServerNoContextTakeover: true},
		"permessage-deflate; client_no_context_takeover":                            {ClientNoContextTakeover: true},
		"permessage-deflate; server_max_window_bits=15":                             {ServerMaxWindowBits: 15},
		"permessage-deflate; client_max_window_bits=8":                              {ClientMaxWindowBits: 8},
		"permessage-deflate; client_no_context_takeover; client_max_window_bits=10": {ClientNoContextTakeover: true, ClientMaxWindowBits: 10},
		"permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=12": {
			ServerNoContextTakeover: true, ClientNoContextTakeover: true, ServerMaxWindowBits: 9, ClientMaxWindowBits: 12},
	} {
		if got := p.String(); got != want {
			t.Errorf("%#v: %q, want %q", p, got, want)
		}
	}
}
