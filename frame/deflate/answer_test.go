package deflate

import (
	"errors"
	"slices"
	"testing"
)

func TestAppendOffers(t *testing.T) {
	for want, wishes := range map[string][]Params{
		"": nil,
		"permessage-deflate; client_max_window_bits":                                                                         {{}},
		"permessage-deflate; client_max_window_bits=10":                                                                      {{ClientMaxWindowBits: 10}},
		"permessage-deflate; server_max_window_bits=9; client_max_window_bits":                                               {{ServerMaxWindowBits: 9}},
		"permessage-deflate; client_no_context_takeover; client_max_window_bits":                                             {{ClientNoContextTakeover: true}},
		"permessage-deflate; server_no_context_takeover; client_max_window_bits, permessage-deflate; client_max_window_bits": {{ServerNoContextTakeover: true}, {}},
	} {
		if got := string(AppendOffers(nil, wishes...)); got != want {
			t.Errorf("%+v: %q, want %q", wishes, got, want)
		}
	}
}

func TestCheckAnswer(t *testing.T) {
	small := Params{ServerMaxWindowBits: 10}
	for _, tc := range []struct {
		rule   string
		wishes []Params
		lines  []string
		want   Params
		ok     bool
		err    error
	}{
		{"declined", []Params{{}}, nil, Params{}, false, nil},
		{"declined with an empty list", []Params{{}}, []string{" , "}, Params{}, false, nil},
		{"accepted", []Params{{}}, []string{"permessage-deflate"}, Params{}, true, nil},
		{"the server may turn takeover off", []Params{{}}, []string{"permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
			Params{ServerNoContextTakeover: true, ClientNoContextTakeover: true}, true, nil},
		{"and bound windows", []Params{{}}, []string{"permessage-deflate; server_max_window_bits=9; client_max_window_bits=8"},
			Params{ServerMaxWindowBits: 9, ClientMaxWindowBits: 8}, true, nil},
		{"a smaller window than asked for", []Params{small}, []string{"permessage-deflate; server_max_window_bits=9"}, Params{ServerMaxWindowBits: 9}, true, nil},
		{"promises hold unrepeated", []Params{{ClientNoContextTakeover: true, ClientMaxWindowBits: 11}}, []string{"permessage-deflate"},
			Params{ClientNoContextTakeover: true, ClientMaxWindowBits: 11}, true, nil},
		{"and against a larger window", []Params{{ClientMaxWindowBits: 11}}, []string{"permessage-deflate; client_max_window_bits=12"}, Params{ClientMaxWindowBits: 11}, true, nil},
		{"the second offer", []Params{small, {}}, []string{"permessage-deflate"}, Params{}, true, nil},

		{"a larger window than asked for", []Params{small}, []string{"permessage-deflate; server_max_window_bits=11"}, Params{}, false, errAnswerMismatch},
		{"a condition not repeated", []Params{small}, []string{"permessage-deflate"}, Params{}, false, errAnswerMismatch},
		{"the other condition not repeated", []Params{{ServerNoContextTakeover: true}}, []string{"permessage-deflate"}, Params{}, false, errAnswerMismatch},
		{"client_max_window_bits without a value", []Params{{}}, []string{"permessage-deflate; client_max_window_bits"}, Params{}, false, errAnswerParameter},
		{"server_max_window_bits without a value", []Params{{}}, []string{"permessage-deflate; server_max_window_bits"}, Params{}, false, errAnswerParameter},
		{"a window out of range", []Params{{}}, []string{"permessage-deflate; server_max_window_bits=16"}, Params{}, false, errAnswerParameter},
		{"an unknown parameter", []Params{{}}, []string{"permessage-deflate; x"}, Params{}, false, errAnswerParameter},
		{"a repeated parameter", []Params{{}}, []string{"permessage-deflate; client_no_context_takeover; client_no_context_takeover"}, Params{}, false, errAnswerParameter},
		{"twice", []Params{{}}, []string{"permessage-deflate, permessage-deflate"}, Params{}, false, errAnswerRepeated},
		{"twice on two lines", []Params{{}}, []string{"permessage-deflate", "permessage-deflate"}, Params{}, false, errAnswerRepeated},
		{"another extension", []Params{{}}, []string{"permessage-deflate, mux"}, Params{}, false, errAnswerNotOffered},
		{"unasked", nil, []string{"permessage-deflate"}, Params{}, false, errAnswerNotOffered},
		{"against the grammar", []Params{{}}, []string{"permessage-deflate;"}, Params{}, false, errAnswerGrammar},
	} {
		got, ok, err := CheckAnswer(slices.Values(tc.lines), tc.wishes...)
		if got != tc.want || ok != tc.ok || err != tc.err {
			t.Errorf("%s: %q to %+v: %s, %v, %v; want %s, %v, %v", tc.rule, tc.lines, tc.wishes, got, ok, err, tc.want, tc.ok, tc.err)
		}
	}
}

func TestAnswer_NamesItsRule(t *testing.T) {
	_, _, err := CheckAnswer(slices.Values([]string{"mux"}), Params{})
	var broken *answerError
	if !errors.As(err, &broken) || broken.Error() != "framerail: the answer names an extension that was not offered (RFC 6455 4.1)" {
		t.Error(err)
	}
}

func TestParams_Validate(t *testing.T) {
	for bits := -1; bits < 20; bits++ {
		good := bits == 0 || 8 <= bits && bits <= 15
		for _, p := range []Params{{ServerMaxWindowBits: bits}, {ClientMaxWindowBits: bits}} {
			if err := p.Validate(); (err == nil) != good || err != nil && err != errWindowBits {
				t.Errorf("%+v: %v", p, err)
			}
		}
	}
}
