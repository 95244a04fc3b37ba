//go:build linux

package main

import "testing"

func TestExtensionsAgreed(t *testing.T) {
	for _, tc := range []struct {
		rule    string
		agreed  []string
		offered []string
		good    bool
	}{
		{"nothing offered", nil, nil, true},
		{"nothing that can be accepted", nil, []string{"mux", "permessage-deflate; mode", "permessage-deflate; server_max_window_bits=16"}, true},
		{"accepted", []string{"permessage-deflate"}, []string{"mux", "permessage-deflate; client_max_window_bits"}, true},
		{"the second offer", []string{"permessage-deflate; server_max_window_bits=9"}, []string{"permessage-deflate; server_max_window_bits", "permessage-deflate; server_max_window_bits=9"}, true},
		{"unasked parameters that may be", []string{"permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9"}, []string{"permessage-deflate"}, true},

		{"declined though it could be accepted", nil, []string{"permessage-deflate"}, false},
		{"unasked", []string{"permessage-deflate"}, nil, false},
		{"another extension", []string{"mux"}, []string{"mux", "permessage-deflate"}, false},
		{"twice", []string{"permessage-deflate", "permessage-deflate"}, []string{"permessage-deflate", "permessage-deflate"}, false},
		{"of the offer that cannot be accepted", []string{"permessage-deflate; client_max_window_bits=9"}, []string{"permessage-deflate; client_max_window_bits=7", "permessage-deflate"}, false},
		{"client_max_window_bits unasked", []string{"permessage-deflate; client_max_window_bits=9"}, []string{"permessage-deflate"}, false},
		{"client_max_window_bits without a value", []string{"permessage-deflate; client_max_window_bits"}, []string{"permessage-deflate; client_max_window_bits"}, false},
		{"server_max_window_bits not repeated", []string{"permessage-deflate"}, []string{"permessage-deflate; server_max_window_bits=10"}, false},
		{"a larger window of the server", []string{"permessage-deflate; server_max_window_bits=11"}, []string{"permessage-deflate; server_max_window_bits=10"}, false},
		{"a larger window of the client", []string{"permessage-deflate; client_max_window_bits=11"}, []string{"permessage-deflate; client_max_window_bits=10"}, false},
		{"server_no_context_takeover not repeated", []string{"permessage-deflate"}, []string{"permessage-deflate; server_no_context_takeover"}, false},
		{"a parameter twice", []string{"permessage-deflate; server_no_context_takeover; server_no_context_takeover"}, []string{"permessage-deflate"}, false},
	} {
		if err := extensionsAgreed(tc.agreed, tc.offered); (err == nil) != tc.good {
			t.Errorf("%s: %q to %q: %v", tc.rule, tc.agreed, tc.offered, err)
		}
	}
}
