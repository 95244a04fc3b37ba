package proxyproto

import (
	"encoding/binary"
	"hash/crc32"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// checkCuts holds Decode to one verdict however much has come, and to the bound on what it
// waits for.
func checkCuts(t *testing.T, in []byte) {
	t.Helper()
	h, n, err := Decode(in)
	if n < 0 || n > len(in) || n > MaxHeader || err != nil && (n != 0 || h != Header{}) {
		t.Fatalf("%+v, %d of %d bytes, %v", h, n, len(in), err)
	}
	if n == 0 && err == nil && len(in) >= MaxHeader {
		t.Fatalf("more is wanted than %d bytes", len(in))
	}
	for cut := range min(len(in), MaxHeader) {
		early, m, earlyErr := Decode(in[:cut])
		switch {
		case m == 0 && earlyErr == nil && (n == 0 || cut < n):
		case early == h && m == n && earlyErr == err:
		default:
			t.Fatalf("%+v, %d, %v of the first %d bytes; %+v, %d, %v of all", early, m, earlyErr, cut, h, n, err)
		}
	}
}

// checkPieces holds Lacks to what Decode says in the end: it is never more than that wants, nor
// nothing.
func checkPieces(t *testing.T, in []byte) {
	t.Helper()
	h, n, err := Decode(in)
	for have := 0; ; {
		early, m, earlyErr := Decode(in[:have])
		if m > 0 || earlyErr != nil {
			if early != h || m != n || earlyErr != err || m > 0 && have != m {
				t.Fatalf("%+v, %d, %v after %d bytes; %+v, %d, %v of all", early, m, earlyErr, have, h, n, err)
			}
			return
		}
		more := Lacks(in[:have])
		if more <= 0 || n > 0 && have+more > n || have+more > MaxHeader {
			t.Fatalf("%d bytes more than %d of %d, %d allowed", more, have, n, MaxHeader)
		}
		if have += more; have > len(in) {
			return // it does not come
		}
	}
}

// FuzzDecode holds Decode to a plain second reading, by regular expression, package net and
// encoding/binary; to one verdict at every cut and by the pieces of Lacks; and to reading back
// what it has read.
func FuzzDecode(f *testing.F) {
	for _, c := range good {
		f.Add([]byte(c.header + "GET / HTTP/1.1\r\n"))
	}
	for _, c := range bad {
		f.Add([]byte(c.header))
	}
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, in []byte) {
		checkCuts(t, in)
		checkPieces(t, in)
		h, n, err := Decode(in)
		want, wantN := plainly(in)
		if h != want || n != wantN {
			t.Fatalf("%+v, %d, %v; read plainly: %+v, %d", h, n, err, want, wantN)
		}
		if h.Source.IsValid() {
			again, n, err := Decode([]byte(line(h)))
			if again.Source != h.Source || again.Destination != h.Destination || n == 0 {
				t.Fatalf("%+v comes back as %+v, %d, %v", h, again, n, err)
			}
		}
	})
}

// line is a header as one of version 1.
func line(h Header) string {
	family := "TCP4"
	source, destination := h.Source.Addr(), h.Destination.Addr()
	if source.Is6() || destination.Is6() {
		family = "TCP6"
		source, destination = netip.AddrFrom16(source.As16()), netip.AddrFrom16(destination.As16())
	}
	return "PROXY " + family + " " + source.String() + " " + destination.String() + " " +
		strconv.Itoa(int(h.Source.Port())) + " " + strconv.Itoa(int(h.Destination.Port())) + "\r\n"
}

var (
	unknownLine = regexp.MustCompile(`^PROXY UNKNOWN(?: [^\r\n]*)?\r\n`)
	tcpLine     = regexp.MustCompile(`^PROXY TCP([46]) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})\r\n`)
)

// plainly reads a whole header at the beginning of in, and nothing of any other.
func plainly(in []byte) (h Header, n int) {
	short := string(in[:min(len(in), maxLine)])
	if m := unknownLine.FindString(short); m != "" {
		return Header{Version: 1}, len(m)
	}
	if m := tcpLine.FindStringSubmatch(short); m != nil {
		source, ok1 := plainEnd(m[2], m[4], m[1] == "6")
		destination, ok2 := plainEnd(m[3], m[5], m[1] == "6")
		if ok1 && ok2 {
			return Header{1, source, destination}, len(m[0])
		}
		return h, 0
	}
	if !strings.HasPrefix(string(in), "\r\n\r\n\x00\r\nQUIT\n") || len(in) < 16 {
		return h, 0
	}
	return plainBinary(in)
}

func plainEnd(address, port string, six bool) (netip.AddrPort, bool) {
	ip := net.ParseIP(address)
	n, err := strconv.ParseUint(port, 10, 16)
	if ip == nil || err != nil || strings.Contains(address, ":") != six {
		return netip.AddrPort{}, false
	}
	addr, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), true
}

func plainBinary(in []byte) (h Header, n int) {
	length := int(in[14])*256 + int(in[15])
	if length > 4080 || len(in) < 16+length {
		return h, 0
	}
	body := in[16 : 16+length]
	header := Header{Version: 2}
	if in[12] == 0x20 {
		return header, 16 + length
	}
	if in[12] != 0x21 {
		return h, 0
	}
	size := map[byte]int{0x11: 4, 0x12: 4, 0x21: 16, 0x22: 16, 0x31: 106, 0x32: 106}[in[13]] // 106 and a port are 108
	switch in[13] {
	case 0x00, 0x01, 0x02, 0x10, 0x20, 0x30:
		return header, 16 + length
	}
	if size == 0 || len(body) < 2*size+4 || !plainTLVs(in[:16+length], 16+2*size+4) {
		return h, 0
	}
	if in[13]&0xf == 1 && in[13]>>4 != 3 {
		ports := body[2*size:]
		source, _ := netip.AddrFromSlice(body[:size])
		destination, _ := netip.AddrFromSlice(body[size : 2*size])
		header.Source = netip.AddrPortFrom(source.Unmap(), uint16(ports[0])<<8|uint16(ports[1]))
		header.Destination = netip.AddrPortFrom(destination.Unmap(), uint16(ports[2])<<8|uint16(ports[3]))
	}
	return header, 16 + length
}

func plainTLVs(header []byte, at int) bool {
	found := []int(nil)
	for at < len(header) {
		if at+3 > len(header) {
			return false
		}
		next := at + 3 + int(header[at+1])*256 + int(header[at+2])
		if next > len(header) {
			return false
		}
		if header[at] == 3 {
			if next != at+7 {
				return false
			}
			found = append(found, at+3)
		}
		at = next
	}
	if len(found) != 1 {
		return len(found) == 0
	}
	zeroed := append([]byte(nil), header...)
	copy(zeroed[found[0]:], "\x00\x00\x00\x00")
	return crc32.Checksum(zeroed, crc32.MakeTable(crc32.Castagnoli)) == binary.BigEndian.Uint32(header[found[0]:])
}
