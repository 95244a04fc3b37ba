package deflate

import (
	"slices"
	"strings"
	"testing"

	"github.com/framerail/framerail/internal/test/allocs"
)

// negotiations are offers, one line each, and the answer; "" is none.
var negotiations = []struct {
	rule   string
	wish   Params
	lines  []string
	answer string
}{
	{"nothing offered", Params{}, nil, ""},
	{"another extension", Params{}, []string{"x-webkit-deflate-frame, permessage-bzip2"}, ""},
	{"a name that holds the extension's", Params{}, []string{"permessage-deflate-2, x-permessage-deflate"}, ""},
	{"a parameter of that name", Params{}, []string{"x; permessage-deflate"}, ""},
	{"a name in another case", Params{}, []string{"Permessage-Deflate"}, ""},
	{"no parameters", Params{}, []string{"permessage-deflate"}, "permessage-deflate"},

	// RFC 7692 7.1.1.
	{"server_no_context_takeover is repeated", Params{}, []string{"permessage-deflate; server_no_context_takeover"}, "permessage-deflate; server_no_context_takeover"},
	{"client_no_context_takeover is taken at its word", Params{}, []string{"permessage-deflate; client_no_context_takeover"}, "permessage-deflate; client_no_context_takeover"},
	{"no takeover, unasked", Params{ServerNoContextTakeover: true, ClientNoContextTakeover: true}, []string{"permessage-deflate"},
		"permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
	{"takeover has no value", Params{}, []string{"permessage-deflate; server_no_context_takeover=1, permessage-deflate; client_no_context_takeover=true"}, ""},

	// RFC 7692 7.1.2.1.
	{"server_max_window_bits is repeated", Params{}, []string{"permessage-deflate; server_max_window_bits=10"}, "permessage-deflate; server_max_window_bits=10"},
	{"even if it is 15", Params{}, []string{"permessage-deflate; server_max_window_bits=15"}, "permessage-deflate; server_max_window_bits=15"},
	{"8 is a window", Params{}, []string{"permessage-deflate; server_max_window_bits=8"}, "permessage-deflate; server_max_window_bits=8"},
	{"with a smaller value", Params{ServerMaxWindowBits: 9}, []string{"permessage-deflate; server_max_window_bits=10"}, "permessage-deflate; server_max_window_bits=9"},
	{"never with a larger one", Params{ServerMaxWindowBits: 12}, []string{"permessage-deflate; server_max_window_bits=10"}, "permessage-deflate; server_max_window_bits=10"},
	{"unasked", Params{ServerMaxWindowBits: 12}, []string{"permessage-deflate"}, "permessage-deflate; server_max_window_bits=12"},
	{"it needs a value", Params{}, []string{"permessage-deflate; server_max_window_bits"}, ""},

	// RFC 7692 7.1.2.2.
	{"client_max_window_bits without a value need not be answered", Params{}, []string{"permessage-deflate; client_max_window_bits"}, "permessage-deflate"},
	{"with one it is taken at its word", Params{}, []string{"permessage-deflate; client_max_window_bits=10"}, "permessage-deflate; client_max_window_bits=10"},
	{"bounded by the server", Params{ClientMaxWindowBits: 9}, []string{"permessage-deflate; client_max_window_bits"}, "permessage-deflate; client_max_window_bits=9"},
	{"bounded by both", Params{ClientMaxWindowBits: 9}, []string{"permessage-deflate; client_max_window_bits=8"}, "permessage-deflate; client_max_window_bits=8"},
	{"never answered unless offered", Params{ClientMaxWindowBits: 9}, []string{"permessage-deflate"}, "permessage-deflate; client_no_context_takeover"},
	{"15 is no bound", Params{ClientMaxWindowBits: 15}, []string{"permessage-deflate"}, "permessage-deflate"},

	{"values in quotes", Params{}, []string{`permessage-deflate; server_max_window_bits="12"; client_max_window_bits="\1\0"`},
		"permessage-deflate; server_max_window_bits=12; client_max_window_bits=10"},
	{"everything at once", Params{}, []string{"permessage-deflate;client_max_window_bits=9 ;\tserver_max_window_bits = 14;client_no_context_takeover;server_no_context_takeover"},
		"permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=14; client_max_window_bits=9"},

	{"the first offer that can be accepted", Params{}, []string{"permessage-deflate; server_max_window_bits=10, permessage-deflate"}, "permessage-deflate; server_max_window_bits=10"},
	{"the second when the first is declined", Params{}, []string{"permessage-deflate; x, permessage-deflate; server_max_window_bits=10"}, "permessage-deflate; server_max_window_bits=10"},
	{"on a later line, among others", Params{}, []string{"mux, permessage-deflate; mode=9", "x; y=\"z\"", "a, permessage-deflate; client_max_window_bits"}, "permessage-deflate"},
	{"nothing behind what breaks the grammar", Params{}, []string{"a b, permessage-deflate", "permessage-deflate; server_no_context_takeover"}, "permessage-deflate; server_no_context_takeover"},
}

func TestNegotiate(t *testing.T) {
	for _, tc := range negotiations {
		agreed, ok := Negotiate(slices.Values(tc.lines), tc.wish)
		if answer := agreed.String(); ok != (tc.answer != "") || ok && answer != tc.answer {
			t.Errorf("%s: %q: %v, %s; want %q", tc.rule, tc.lines, ok, answer, tc.answer)
		}
		if !ok && agreed != (Params{}) {
			t.Errorf("%s: %q: nothing is agreed on, but %s", tc.rule, tc.lines, agreed)
		}
	}
}

// Each of these declines its own offer and no other.
func TestNegotiate_DeclinesTheOfferThatIsWrong(t *testing.T) {
	parameters := []string{
		"x", "x=1", "server_no_context_takeover2", "Server_No_Context_Takeover", "takeover",
		"server_no_context_takeover; server_no_context_takeover", "client_no_context_takeover; client_no_context_takeover",
		"client_max_window_bits; client_max_window_bits", "client_max_window_bits=9; client_max_window_bits", "client_max_window_bits; client_max_window_bits=9",
		"server_max_window_bits=9; server_max_window_bits=9", "server_no_context_takeover; x",
	}
	for _, bits := range []string{"0", "1", "7", "16", "99", "010", "08", "0x9", "+9", "-9", "9.", "1e1", "15a", "a", "15151515", `"7"`, `"16"`, `"08"`, "65544"} {
		parameters = append(parameters, "server_max_window_bits="+bits, "client_max_window_bits="+bits)
	}
	for _, p := range parameters {
		if agreed, ok := Negotiate(slices.Values([]string{"permessage-deflate; " + p}), Params{}); ok {
			t.Errorf("%q is accepted as %s", p, agreed)
		}
		fallback := slices.Values([]string{"permessage-deflate; " + p + ", permessage-deflate; server_max_window_bits=11"})
		if agreed, ok := Negotiate(fallback, Params{}); !ok || agreed != (Params{ServerMaxWindowBits: 11}) {
			t.Errorf("after %q: %v, %s", p, ok, agreed)
		}
	}
}

func TestNegotiate_DoesNotAllocate(t *testing.T) {
	lines := [][]byte{[]byte("permessage-deflate; server_max_window_bits=" + strings.Repeat("1", 1000)), []byte(`permessage-deflate; client_max_window_bits=77, permessage-deflate; client_max_window_bits="10"; server_max_window_bits=9`)}
	dst := make([]byte, 0, 256)
	if n := allocs.PerRun(100, func() {
		agreed, ok := Negotiate(slices.Values(lines), Params{ServerMaxWindowBits: 10})
		if !ok {
			t.Fatal("declined")
		}
		dst = agreed.append(dst[:0])
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
