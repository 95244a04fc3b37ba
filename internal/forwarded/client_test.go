package forwarded

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// proxies are trusted in these tests: those of 10.0.0.0/8 and of fd00::/8, and one that has
// no address.
func proxies(addr netip.Addr) bool {
	return !addr.IsValid() || netip.MustParsePrefix("10.0.0.0/8").Contains(addr) || netip.MustParsePrefix("fd00::/8").Contains(addr)
}

var proxy = netip.MustParseAddrPort("10.0.0.1:4000")

// asIs stands for the proxy itself in what is wanted.
const asIs = "10.0.0.1:4000"

var plain = []struct {
	name   string
	lines  []string
	client string
}{
	{"no field", nil, asIs},
	{"an empty line", []string{""}, asIs},
	{"nothing but commas", []string{",", " , ,\t"}, asIs},
	{"one client", []string{"192.0.2.1"}, "192.0.2.1:0"},
	{"IPv6", []string{"2001:db8::1"}, "[2001:db8::1]:0"},
	{"IPv6 in brackets", []string{"[2001:db8::1]"}, "[2001:db8::1]:0"},
	{"IPv6, mapped", []string{"::ffff:192.0.2.1"}, "192.0.2.1:0"},
	{"a port", []string{"192.0.2.1:5000"}, "192.0.2.1:5000"},
	{"IPv6 and a port", []string{"[2001:db8::1]:5000"}, "[2001:db8::1]:5000"},
	{"the longest", []string{"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535"}, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
	{"a client that claims another", []string{"203.0.113.9, 192.0.2.1"}, "192.0.2.1:0"},
	{"a client that claims in a line of its own", []string{"203.0.113.9", "192.0.2.1"}, "192.0.2.1:0"},
	{"a client that claims nonsense", []string{"<script>,\x00 \"", ",,,192.0.2.1 , "}, "192.0.2.1:0"},
	{"two proxies", []string{"203.0.113.9, 192.0.2.1, 10.0.0.2"}, "192.0.2.1:0"},
	{"two proxies, two lines", []string{"203.0.113.9,192.0.2.1", "10.0.0.2"}, "192.0.2.1:0"},
	{"proxies of both versions", []string{"192.0.2.1,fd00::2,10.0.0.3"}, "192.0.2.1:0"},
	{"a proxy that is its own client", []string{"10.0.0.2"}, "10.0.0.2:0"},
	{"a client that names proxies", []string{"10.0.0.9, 192.0.2.1, 10.0.0.2"}, "192.0.2.1:0"},
	{"a proxy that hides its client", []string{"192.0.2.1, unknown"}, asIs},
	{"the second proxy hides it", []string{"192.0.2.1, unknown, 10.0.0.2"}, "10.0.0.2:0"},
	{"a name", []string{"client.example"}, asIs},
	{"a zone", []string{"fe80::1%eth0"}, asIs},
	{"octal", []string{"192.0.02.1"}, asIs},
	{"quotes", []string{`"192.0.2.1"`}, asIs},
	{"white space within", []string{"192.0.2.1 192.0.2.2"}, asIs},
	{"IPv4 in brackets", []string{"[192.0.2.1]"}, asIs},
	{"half a bracket", []string{"[2001:db8::1"}, asIs},
	{"the other half", []string{"2001:db8::1]"}, asIs},
	{"nothing in brackets", []string{"[]"}, asIs},
	{"a colon alone", []string{":"}, asIs},
	{"no address", []string{":80"}, asIs},
	{"no port behind the colon", []string{"192.0.2.1:"}, asIs},
	{"port 65536", []string{"192.0.2.1:65536"}, asIs},
	{"port of six digits", []string{"192.0.2.1:000080"}, asIs},
	{"port x", []string{"192.0.2.1:8x"}, asIs},
	{"no colon before the port", []string{"[2001:db8::1]80"}, asIs},
	{"too long", []string{strings.Repeat("1", 1000)}, asIs},
	{"a hidden port", []string{"192.0.2.1:_a-B.9_"}, "192.0.2.1:0"},
	{"a hidden port of nothing", []string{"192.0.2.1:_"}, asIs},
	{"a hidden port of what may not be", []string{"192.0.2.1:_a~"}, asIs},
}

var standard = []struct {
	name          string
	lines         []string
	client, proto string
}{
	{"no field", nil, asIs, ""},
	{"one client", []string{"for=192.0.2.1"}, "192.0.2.1:0", ""},
	{"the RFC's examples", []string{`for="_gazonk"`}, asIs, ""},
	{"", []string{`For="[2001:db8:cafe::17]:4711"`}, "[2001:db8:cafe::17]:4711", ""},
	{"", []string{"for=192.0.2.60;proto=http;by=203.0.113.43"}, "192.0.2.60:0", "http"},
	{"", []string{"for=192.0.2.60; proto=http; by=203.0.113.43"}, "192.0.2.60:0", "http"},
	{"", []string{"for=192.0.2.43, for=198.51.100.17"}, "198.51.100.17:0", ""},
	{"", []string{`for=192.0.2.43, for="[2001:db8:cafe::17]"`}, "[2001:db8:cafe::17]:0", ""},
	{"", []string{"for=_hidden, for=_SEVKISEK"}, asIs, ""},
	{"a port", []string{`for="192.0.2.43:47011"`}, "192.0.2.43:47011", ""},
	{"a port that is hidden", []string{`for="192.0.2.43:_port"`}, "192.0.2.43:0", ""},
	{"no quotes where the RFC wants them", []string{"for=192.0.2.43:47011"}, "192.0.2.43:47011", ""},
	{"nor brackets", []string{`for="2001:db8::1"`}, "[2001:db8::1]:0", ""},
	{"quotes around all", []string{`for="192.0.2.1";proto="https"`}, "192.0.2.1:0", "https"},
	{"capitals", []string{"FOR=192.0.2.1;PROTO=HTTPS"}, "192.0.2.1:0", "HTTPS"},
	{"empty pairs", []string{";;for=192.0.2.1; ;proto=https;"}, "192.0.2.1:0", "https"},
	{"comma and semicolon in quotes", []string{`for=203.0.113.9, for=192.0.2.1;x="a, for=203.0.113.8;";proto=https`}, "192.0.2.1:0", "https"},
	{"quotes in quotes", []string{`for=203.0.113.9, for=192.0.2.1;x="\", for=203.0.113.8;\\";y="\\\""`}, "192.0.2.1:0", ""},
	{"two proxies", []string{"for=203.0.113.9;proto=x, for=192.0.2.1;proto=https", "for=10.0.0.2;proto=http"}, "192.0.2.1:0", "https"},
	{"no for", []string{"for=203.0.113.9, proto=https;by=10.0.0.1"}, asIs, "https"},
	{"unknown", []string{"for=unknown;proto=https"}, asIs, "https"},
	{"an open quote of the client's", []string{`for="203.0.113.9, for=192.0.2.1`}, "192.0.2.1:0", ""},
	{"an open quote before a quoted address", []string{`x=", for="[2001:db8::1]"`}, "[2001:db8::1]:0", ""},
	{"an escape of the client's", []string{`x="\, for="[2001:db8::1]"`}, "[2001:db8::1]:0", ""},
	{"an open quote in a line of its own", []string{`for="`, "for=192.0.2.1"}, "192.0.2.1:0", ""},
	{"for twice", []string{"for=192.0.2.1;for=192.0.2.2"}, asIs, ""},
	{"proto twice", []string{"for=192.0.2.1;proto=http;Proto=https"}, asIs, ""},
	{"no value", []string{"for"}, asIs, ""},
	{"an empty value", []string{"for=;proto=https"}, asIs, ""},
	{"an empty quoted value", []string{`for="";proto=https`}, asIs, "https"},
	{"space before the equals sign", []string{"for =192.0.2.1"}, asIs, ""},
	{"space behind the equals sign", []string{"for= 192.0.2.1"}, asIs, ""},
	{"no semicolon", []string{`for="192.0.2.1"proto=https`}, asIs, ""},
	{"an open quote of the proxy's", []string{`for=192.0.2.1;x="`}, asIs, ""},
	{"an escape at the end", []string{`for=192.0.2.1;x="\`}, asIs, ""},
	{"no name", []string{"=192.0.2.1"}, asIs, ""},
	{"X-Forwarded-For's form", []string{"192.0.2.1"}, asIs, ""},
}

// both reads lines as strings and as bytes, which must come to the same.
func both(t *testing.T, peer netip.AddrPort, lines []string, g Grammar) (client netip.AddrPort, proto string) {
	t.Helper()
	var views [][]byte
	for _, line := range lines {
		views = append(views, []byte(line))
	}
	before := slices.Clone(lines)
	client, proto = Client(peer, lines, g, proxies)
	fromBytes, protoBytes := Client(peer, views, g, proxies)
	if client != fromBytes || proto != string(protoBytes) {
		t.Fatalf("%q: %v, %q as strings; %v, %q as bytes", lines, client, proto, fromBytes, protoBytes)
	}
	if !slices.Equal(lines, before) {
		t.Fatalf("%q have become %q", before, lines)
	}
	return client, proto
}

func TestClient_Plain(t *testing.T) {
	for _, c := range plain {
		if client, proto := both(t, proxy, c.lines, Plain); client.String() != c.client || proto != "" {
			t.Errorf("%s: %v, %q; want %v", c.name, client, proto, c.client)
		}
	}
}

func TestClient_Standard(t *testing.T) {
	for _, c := range standard {
		if client, proto := both(t, proxy, c.lines, Standard); client.String() != c.client || proto != c.proto {
			t.Errorf("%s %q: %v, %q; want %v, %q", c.name, c.lines, client, proto, c.client, c.proto)
		}
	}
}

func TestClient_OnlyAProxyIsBelieved(t *testing.T) {
	peer := netip.MustParseAddrPort("192.0.2.7:4000")
	for _, g := range []Grammar{Plain, Standard} {
		if client, proto := both(t, peer, []string{"192.0.2.1", "for=192.0.2.1;proto=https"}, g); client != peer || proto != "" {
			t.Errorf("%v, %q", client, proto)
		}
	}
	if client, _ := both(t, netip.AddrPort{}, []string{"192.0.2.1"}, Plain); client.String() != "192.0.2.1:0" {
		t.Errorf("%v behind a proxy without an address", client)
	}
}

// A field of nothing but proxies, which a client within their network may write, takes no
// more work than their greatest number.
func TestAttackEndlessProxies(t *testing.T) {
	asked := 0
	count := func(addr netip.Addr) bool { asked++; return proxies(addr) }
	line := "192.0.2.1" + strings.Repeat(", 10.0.0.9", 10_000) + ", 10.0.0.2"
	client, _ := Client(proxy, []string{line}, Plain, count)
	if client.String() != "10.0.0.9:0" || asked != MaxHops {
		t.Errorf("%v, %d addresses looked at", client, asked)
	}
	line = "192.0.2.1" + strings.Repeat(", 10.0.0.9", MaxHops-1)
	if client, _ := both(t, proxy, []string{line}, Plain); client.String() != "192.0.2.1:0" {
		t.Errorf("%v behind %d proxies", client, MaxHops)
	}
}

func TestLast(t *testing.T) {
	for want, lines := range map[string][]string{
		"": nil, "https": {"https"}, "wss": {"http", "https, wss ,"}, `"`: {`x,"`},
	} {
		if got := Last(lines); got != want {
			t.Errorf("%q of %q", got, lines)
		}
	}
}

func TestValidField(t *testing.T) {
	for name, want := range map[string]bool{"X-Real-IP": true, "": false, "X Real": false, "X:": false, "caf\u00e9": false} {
		if ValidField(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}
