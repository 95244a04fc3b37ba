package deflate

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The grammar of one offer of permessage-deflate, written the plain way: parameters in
// any order, none twice, which a regular expression cannot say and a set does.
var (
	plainParameter = regexp.MustCompile(`^(server_no_context_takeover|client_no_context_takeover|server_max_window_bits|client_max_window_bits)(?:[ \t]*=[ \t]*(.+))?$`)
	plainBits      = regexp.MustCompile(`^(?:[89]|1[0-5])$`)
	plainToken     = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
	plainQuoted    = regexp.MustCompile("^\"(?:\\\\?[!#$%&'*+.^_`|~0-9A-Za-z-])+\"$")
)

// plainOffer is one offer as the oracle reads it: the bits of each window, 0 for one
// without a value, or which of the takeovers.
func plainOffer(extension string) (offer map[string]int, sound, acceptable bool) {
	elements := strings.Split(extension, ";")
	for i, e := range elements {
		elements[i] = strings.Trim(e, " \t")
	}
	offer, acceptable = map[string]int{}, elements[0] == "permessage-deflate"
	if !plainToken.MatchString(elements[0]) {
		return nil, false, false
	}
	for _, e := range elements[1:] {
		name, value, valued := strings.Cut(e, "=")
		name, value = strings.Trim(name, " \t"), strings.Trim(value, " \t")
		if !plainToken.MatchString(name) || valued && !plainToken.MatchString(value) && !plainQuoted.MatchString(value) {
			return nil, false, false
		}
		value = strings.NewReplacer(`"`, "", `\`, "").Replace(value)
		_, again := offer[name]
		takeover := strings.HasSuffix(name, "_no_context_takeover")
		bits, _ := strconv.Atoi(value)
		offer[name] = bits
		acceptable = acceptable && plainParameter.MatchString(e) && !again &&
			(valued && !takeover && plainBits.MatchString(value) || !valued && name != "server_max_window_bits")
	}
	return offer, true, acceptable
}

// plainFirst is the first offer that may be accepted. No token and no quoted string
// holds a comma or a semicolon, so that what has one breaks the grammar either way.
func plainFirst(lines []string) (offer map[string]int, ok bool) {
	for _, line := range lines {
		for _, extension := range strings.Split(line, ",") {
			if strings.Trim(extension, " \t") == "" {
				continue
			}
			offer, sound, acceptable := plainOffer(extension)
			if !sound {
				break
			}
			if acceptable {
				return offer, true
			}
		}
	}
	return nil, false
}

// wishOf makes a wish that is valid, whatever the numbers.
func wishOf(takeover, server, client uint8) Params {
	window := func(n uint8) int {
		if n %= 9; n == 0 {
			return 0
		}
		return minWindowBits - 1 + int(n)
	}
	return Params{takeover&1 != 0, takeover&2 != 0, window(server), window(client)}
}

// FuzzNegotiate holds the server's answer to an offer read in another way, and to what a
// client must be content with: nothing is agreed that was not offered.
func FuzzNegotiate(f *testing.F) {
	for i, tc := range negotiations {
		f.Add(strings.Join(tc.lines, "\n"), uint8(i), uint8(i/2), uint8(i/3))
	}
	f.Fuzz(func(t *testing.T, fields string, takeover, server, client uint8) {
		lines, wish := strings.Split(fields, "\n"), wishOf(takeover, server, client)
		agreed, ok := Negotiate(slices.Values(lines), wish)
		offer, want := plainFirst(lines)
		if ok != want {
			t.Fatalf("%q: accepted %v, want %v", lines, ok, want)
		}
		asBytes := func(yield func([]byte) bool) {
			for _, line := range lines {
				if !yield([]byte(line)) {
					return
				}
			}
		}
		if again, okAgain := Negotiate(asBytes, wish); again != agreed || okAgain != ok {
			t.Fatalf("%q: bytes and strings differ", lines)
		}
		if !ok {
			return
		}
		checkAgreed(t, agreed, wish, offer)
		if t.Failed() {
			t.Errorf("%q for %+v: %s", lines, wish, agreed)
		}
	})
}

// checkAgreed holds an agreement to RFC 7692 7.1, to the offer and to the wish.
func checkAgreed(t *testing.T, agreed, wish Params, offer map[string]int) {
	t.Helper()
	serverAsked, serverBits := has(offer, serverMaxWindowBits)
	clientAsked, clientBits := has(offer, clientMaxWindowBits)
	serverAlone, _ := has(offer, serverNoContextTakeover)
	clientAlone, _ := has(offer, clientNoContextTakeover)
	switch {
	case agreed.Validate() != nil:
		t.Error("a window that there is not")
	case serverAsked && (agreed.ServerMaxWindowBits == 0 || agreed.ServerMaxWindowBits > serverBits):
		t.Error("the window that the client asked of the server is not kept")
	case !clientAsked && agreed.ClientMaxWindowBits != 0:
		t.Error("client_max_window_bits was not offered")
	case clientBits != 0 && (agreed.ClientMaxWindowBits == 0 || agreed.ClientMaxWindowBits > clientBits):
		t.Error("the client's window is held larger than it said")
	case wish.ServerMaxWindowBits != 0 && orAll(agreed.ServerMaxWindowBits) > wish.ServerMaxWindowBits:
		t.Error("the server's window is larger than it wants")
	case orAll(agreed.ClientMaxWindowBits) > orAll(wish.ClientMaxWindowBits) && !agreed.ClientNoContextTakeover:
		t.Error("more of the client's outlasts a message than the server wants")
	case agreed.ServerNoContextTakeover != (serverAlone || wish.ServerNoContextTakeover):
		t.Error("the server's takeover")
	case (clientAlone || wish.ClientNoContextTakeover) && !agreed.ClientNoContextTakeover:
		t.Error("the client's takeover")
	}

	// The client that made the offer takes the answer.
	asked := Params{ServerNoContextTakeover: serverAlone, ClientNoContextTakeover: clientAlone, ServerMaxWindowBits: serverBits, ClientMaxWindowBits: clientBits}
	got, ok, err := CheckAnswer(slices.Values([]string{agreed.String()}), asked)
	if err != nil || !ok || got != agreed {
		t.Errorf("the client takes it for %s, %v, %v", got, ok, err)
	}
}

func has(offer map[string]int, name string) (there bool, bits int) {
	bits, there = offer[name]
	return there, bits
}

func orAll(bits int) int {
	if bits == 0 {
		return MaxWindowBits
	}
	return bits
}

// FuzzCheckAnswer holds the client to the answer read in another way: what it accepts
// keeps its conditions and its promises, and it accepts whatever does.
func FuzzCheckAnswer(f *testing.F) {
	for i, tc := range negotiations {
		f.Add(tc.answer, uint8(i), uint8(i/2), uint8(i/3))
	}
	f.Add("permessage-deflate; client_max_window_bits", uint8(0), uint8(0), uint8(0))
	f.Fuzz(func(t *testing.T, line string, takeover, server, client uint8) {
		wish := wishOf(takeover, server, client)
		agreed, ok, err := CheckAnswer(slices.Values([]string{line}), wish)
		offer, acceptable := plainFirst([]string{line})
		bits, named := offer[clientMaxWindowBits]
		alone := strings.Trim(line, " \t,") != "" && !strings.Contains(strings.Trim(line, " \t,"), ",")
		fits := !(wish.ServerNoContextTakeover && !mapHas(offer, serverNoContextTakeover)) &&
			(wish.ServerMaxWindowBits == 0 || mapHas(offer, serverMaxWindowBits) && offer[serverMaxWindowBits] <= wish.ServerMaxWindowBits)
		if want := acceptable && alone && fits && (!named || bits != 0); ok != want {
			t.Fatalf("%q to %+v: accepted %v, %v, want %v", line, wish, ok, err, want)
		}
		if ok && err != nil || !ok && agreed != (Params{}) {
			t.Fatalf("%q: %s, %v, %v", line, agreed, ok, err)
		}
		if !ok {
			return
		}
		if agreed.ClientNoContextTakeover != (wish.ClientNoContextTakeover || mapHas(offer, clientNoContextTakeover)) ||
			agreed.ServerNoContextTakeover != mapHas(offer, serverNoContextTakeover) ||
			agreed.ServerMaxWindowBits != offer[serverMaxWindowBits] ||
			orAll(agreed.ClientMaxWindowBits) != min(orAll(bits), orAll(wish.ClientMaxWindowBits)) {
			t.Fatalf("%q to %+v: %s", line, wish, agreed)
		}
	})
}

func mapHas(offer map[string]int, name string) bool {
	there, _ := has(offer, name)
	return there
}
