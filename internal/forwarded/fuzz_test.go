package forwarded

import (
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// FuzzClient holds Client to a plain reading from the left, where all lines are well formed;
// to the same client whatever is put before what a proxy has written; and to finding nobody
// whom the lines do not name.
func FuzzClient(f *testing.F) {
	for _, c := range plain {
		f.Add(strings.Join(c.lines, "\n"), `x="`)
	}
	for _, c := range standard {
		f.Add(strings.Join(c.lines, "\n"), `for="`)
	}
	f.Fuzz(func(t *testing.T, text, before string) {
		lines := strings.Split(text, "\n")
		last := ""
		for element := range strings.SplitSeq(strings.Join(lines, ","), ",") {
			if element = strings.Trim(element, " \t"); element != "" {
				last = element
			}
		}
		if got := Last(lines); got != last {
			t.Fatalf("%q: the last is %q, not %q", lines, got, last)
		}
		for _, g := range []Grammar{Plain, Standard} {
			client, proto := both(t, proxy, lines, g)
			if want, wantProto, ok := fromLeft(lines, g); ok && (client != want || proto != wantProto) {
				t.Fatalf("%q: %v, %q; from the left %v, %q", lines, client, proto, want, wantProto)
			}
			if client == proxy {
				continue
			}
			if addr := client.Addr().String(); client.Addr().Is4() && !strings.Contains(text, addr) && !strings.Contains(strings.ToLower(text), ":") {
				t.Fatalf("%q: %v, whom nobody has named", lines, client)
			}
			if proxies(client.Addr()) {
				continue
			}
			for _, more := range [][]string{
				append([]string{before}, lines...),
				append([]string{before + "," + lines[0]}, lines[1:]...),
			} {
				if got, gotProto := both(t, proxy, more, g); got != client || gotProto != proto {
					t.Fatalf("%q: %v, %q; without what a client has put first %v, %q", more, got, gotProto, client, proto)
				}
			}
		}
	})
}

var (
	plainForm = regexp.MustCompile(`^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)|([0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*))(?::([0-9]{1,5}))?$`)

	hiddenForm = regexp.MustCompile(`^_[A-Za-z0-9._-]+$`)

	pairForm = "[!#$%&'*+.^_`|~0-9A-Za-z-]+=(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|" + `"(?:[^"\\,;]|\\[^,;])*")`
	// Well formed, and without the commas and semicolons in quotes by which it could not be
	// split.
	elementForm = regexp.MustCompile(`^` + pairForm + `(?:;` + pairForm + `)*$`)
)

// fromLeft is Client by splitting all of the lines, if they are well formed and few.
func fromLeft(lines []string, g Grammar) (client netip.AddrPort, proto string, ok bool) {
	elements := strings.Split(strings.Join(lines, ","), ",")
	if len(elements) > MaxHops {
		return client, proto, false
	}
	client = proxy
	for i := len(elements) - 1; i >= 0; i-- {
		elements[i] = strings.Trim(elements[i], " \t")
		if g == Standard && elements[i] != "" && !elementForm.MatchString(elements[i]) {
			return client, proto, false
		}
	}
	for i := len(elements) - 1; i >= 0 && proxies(client.Addr()); i-- {
		if elements[i] == "" {
			continue
		}
		node := elements[i]
		if g == Standard {
			said := map[string]string{}
			for pair := range strings.SplitSeq(elements[i], ";") {
				name, value, _ := strings.Cut(pair, "=")
				name = strings.ToLower(name)
				if _, twice := said[name]; twice && (name == "for" || name == "proto") {
					return client, proto, true
				}
				if len(value) > 1 && value[0] == '"' {
					value = value[1 : len(value)-1]
				}
				said[name] = value
			}
			node, proto = said["for"], said["proto"]
		}
		next, ok := plainNode(node, g)
		if !ok {
			break
		}
		client = next
	}
	return client, proto, true
}

func plainNode(node string, g Grammar) (netip.AddrPort, bool) {
	if at := strings.LastIndex(node, ":_"); at > 0 && (node[0] == '[' || strings.Count(node, ":") == 1) {
		if !hiddenForm.MatchString(node[at+1:]) {
			return netip.AddrPort{}, false
		}
		node = node[:at]
	}
	m := plainForm.FindStringSubmatch(node)
	if m == nil {
		return netip.AddrPort{}, false
	}
	host := m[1] + m[2] + m[3]
	if m[3] != "" {
		host = node // without brackets there is no port
	}
	ip := net.ParseIP(host)
	port := uint64(0)
	if m[4] != "" && m[3] == "" {
		var err error
		if port, err = strconv.ParseUint(m[4], 10, 16); err != nil {
			return netip.AddrPort{}, false
		}
	}
	if ip == nil || m[1] != "" && !strings.Contains(m[1], ":") {
		return netip.AddrPort{}, false
	}
	addr, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), true
}
