package proxyproto

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
	"strings"
	"testing"

	"github.com/framerail/framerail/internal/test/allocs"
)

// v2 is a header of version 2 as it is sent.
func v2(command, family byte, addresses string, tlvs ...string) string {
	body := addresses + strings.Join(tlvs, "")
	b := append([]byte("\r\n\r\n\x00\r\nQUIT\n"), command, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
	return string(b) + body
}

func tlv(kind byte, value string) string {
	return string(binary.BigEndian.AppendUint16([]byte{kind}, uint16(len(value)))) + value
}

// summed fills in the checksum of a header that has a TLV of four zeros for it.
func summed(header string) string {
	const empty = "\x03\x00\x04\x00\x00\x00\x00"
	at := strings.LastIndex(header, empty) + 3
	crc := crc32.Checksum([]byte(header), crc32.MakeTable(crc32.Castagnoli))
	return header[:at] + string(binary.BigEndian.AppendUint32(nil, crc)) + header[at+4:]
}

const (
	inet     = "\xc0\x00\x02\x01\xc6\x33\x64\x02\xdd\xd5\x01\xbb" // 192.0.2.1:56789 to 198.51.100.2:443
	inet6    = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\xdd\xd5\x01\xbb"
	mapped   = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc6\x33\x64\x02\xdd\xd5\x01\xbb"
	checksum = "\x03\x00\x04\x00\x00\x00\x00"
)

var good = []struct {
	name, header, source, destination string // "" for no addresses
}{
	{"TCP4", "PROXY TCP4 192.0.2.1 198.51.100.2 56789 443\r\n", "192.0.2.1:56789", "198.51.100.2:443"},
	{"TCP4, the longest", "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535", "255.255.255.255:65535"},
	{"TCP4, the shortest", "PROXY TCP4 1.1.1.1 0.0.0.0 0 1\r\n", "1.1.1.1:0", "0.0.0.0:1"},
	{"TCP6", "PROXY TCP6 2001:db8::1 2001:DB8::2 56789 443\r\n", "[2001:db8::1]:56789", "[2001:db8::2]:443"},
	{"TCP6, the longest", "PROXY TCP6 " + strings.Repeat("ffff:", 7) + "ffff " + strings.Repeat("ffff:", 7) + "ffff 65535 65535\r\n",
		"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
	{"TCP6, mapped", "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6402 56789 443\r\n", "192.0.2.1:56789", "198.51.100.2:443"},
	{"UNKNOWN", "PROXY UNKNOWN\r\n", "", ""},
	{"UNKNOWN, the longest", "PROXY UNKNOWN " + strings.Repeat("\xff", 107-16) + "\r\n", "", ""},
	{"UNKNOWN with addresses", "PROXY UNKNOWN 192.0.2.1 what ever\x00\r\n", "", ""},
	{"v2 TCP over IPv4", v2(0x21, 0x11, inet), "192.0.2.1:56789", "198.51.100.2:443"},
	{"v2 TCP over IPv6", v2(0x21, 0x21, inet6), "[2001:db8::1]:56789", "[2001:db8::2]:443"},
	{"v2 mapped", v2(0x21, 0x21, mapped), "192.0.2.1:56789", "198.51.100.2:443"},
	{"v2 TLVs", v2(0x21, 0x11, inet, tlv(4, ""), tlv(0x20, "\x01\x00\x00\x00\x00"), tlv(0xea, strings.Repeat("x", 1000))), "192.0.2.1:56789", "198.51.100.2:443"},
	{"v2 checksum", summed(v2(0x21, 0x11, inet, tlv(4, "pad"), checksum, tlv(5, "id"))), "192.0.2.1:56789", "198.51.100.2:443"},
	{"v2 the longest", v2(0x21, 0x11, inet, tlv(4, strings.Repeat("x", MaxHeader-16-12-3))), "192.0.2.1:56789", "198.51.100.2:443"},
	{"v2 LOCAL", v2(0x20, 0x00, ""), "", ""},
	{"v2 LOCAL with what is to be ignored", v2(0x20, 0xff, "anything"), "", ""},
	{"v2 LOCAL with addresses", v2(0x20, 0x11, inet), "", ""},
	{"v2 unspecified", v2(0x21, 0x00, "", tlv(4, "pad")), "", ""},
	{"v2 unspecified transport", v2(0x21, 0x10, "anything"), "", ""},
	{"v2 UDP", v2(0x21, 0x12, inet), "", ""},
	{"v2 UDP over IPv6", v2(0x21, 0x22, inet6), "", ""},
	{"v2 unix", v2(0x21, 0x31, strings.Repeat("\x00", 216)), "", ""},
}

var bad = []struct {
	name, header string
	err          error
}{
	{"HTTP", "GET / HTTP/1.1\r\n", ErrMissing},
	{"TLS", "\x16\x03\x01\x02\x00", ErrMissing},
	{"an empty line", "\r\nGET", ErrMissing},
	{"lower case", "proxy TCP4 ", ErrMissing},
	{"almost the signature", "\r\n\r\n\x00\r\nQUIX", ErrMissing},
	{"no space", "PROXYTCP4", ErrMissing},
	{"two spaces", "PROXY  TCP4 ", ErrLine},
	{"another family", "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n", ErrLine},
	{"family and more", "PROXY TCP44 192.0.2.1 198.51.100.2 1 2\r\n", ErrLine},
	{"UNKNOWN and more", "PROXY UNKNOWNS\r\n", ErrLine},
	{"no family", "PROXY \r\n", ErrLine},
	{"no addresses", "PROXY TCP4\r\n", ErrLine},
	{"no addresses, but a space", "PROXY TCP4 \r\n", ErrLine},
	{"no ports", "PROXY TCP4 192.0.2.1 198.51.100.2\r\n", ErrLine},
	{"one port", "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n", ErrLine},
	{"a field more", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n", ErrLine},
	{"a space at the end", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n", ErrLine},
	{"a space more", "PROXY TCP4 192.0.2.1  198.51.100.2 1 2\r\n", ErrLine},
	{"a tab", "PROXY TCP4 192.0.2.1\t198.51.100.2 1 2\r\n", ErrLine},
	{"octal", "PROXY TCP4 192.0.02.1 198.51.100.2 1 2\r\n", ErrLine},
	{"three numbers", "PROXY TCP4 192.0.2 198.51.100.2 1 2\r\n", ErrLine},
	{"256", "PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n", ErrLine},
	{"IPv6 as TCP4", "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", ErrLine},
	{"IPv4 as TCP6", "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n", ErrLine},
	{"a zone", "PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n", ErrLine},
	{"brackets", "PROXY TCP6 [2001:db8::1] 2001:db8::2 1 2\r\n", ErrLine},
	{"port 65536", "PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n", ErrLine},
	{"port of six digits", "PROXY TCP4 192.0.2.1 198.51.100.2 1 123456\r\n", ErrLine},
	{"port 01", "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n", ErrLine},
	{"port -1", "PROXY TCP4 192.0.2.1 198.51.100.2 1 -1\r\n", ErrLine},
	{"no destination port", "PROXY TCP4 192.0.2.1 198.51.100.2 1 \r\n", ErrLine},
	{"LF alone", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n", ErrLineEnd},
	{"CR alone", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\rX", ErrLineEnd},
	{"no end", "PROXY UNKNOWN " + strings.Repeat("x", 107-14), ErrLineEnd},
	{"CR at 107", "PROXY UNKNOWN " + strings.Repeat("x", 106-14) + "\r", ErrLineEnd},
	{"v2 version 1", v2(0x11, 0x11, inet), ErrCommand},
	{"v2 version 3", v2(0x31, 0x11, inet), ErrCommand},
	{"v2 another command", v2(0x22, 0x11, inet), ErrCommand},
	{"v2 another family", v2(0x21, 0x41, inet), ErrFamily},
	{"v2 another transport", v2(0x21, 0x13, inet), ErrFamily},
	{"v2 IPv4 too short", v2(0x21, 0x11, inet[:11]), ErrTooShort},
	{"v2 IPv6 too short", v2(0x21, 0x21, inet6[:35]), ErrTooShort},
	{"v2 unix too short", v2(0x21, 0x31, inet6), ErrTooShort},
	{"v2 too long", v2(0x21, 0x11, inet, tlv(4, strings.Repeat("x", MaxHeader-16-12-2))), ErrTooLong},
	{"v2 the longest that could be said", v2(0x20, 0x00, strings.Repeat("x", 0xffff))[:16], ErrTooLong},
	{"v2 half a TLV", v2(0x21, 0x11, inet, "\x04\x00"), ErrTLV},
	{"v2 a TLV beyond the end", v2(0x21, 0x11, inet, "\x04\x00\x02x"), ErrTLV},
	{"v2 checksum of three bytes", v2(0x21, 0x11, inet, tlv(3, "abc")), ErrTLV},
	{"v2 two checksums", summed(v2(0x21, 0x11, inet, checksum, checksum)), ErrTLV},
	{"v2 wrong checksum", v2(0x21, 0x11, inet, tlv(3, "\x01\x02\x03\x04")), ErrChecksum},
	{"v2 changed", strings.Replace(summed(v2(0x21, 0x11, inet, checksum)), "\xdd\xd5", "\xdd\xd6", 1), ErrChecksum},
}

func TestDecode(t *testing.T) {
	for _, c := range good {
		want := Header{Version: 1}
		if c.header[0] == '\r' {
			want.Version = 2
		}
		if c.source != "" {
			want.Source, want.Destination = netip.MustParseAddrPort(c.source), netip.MustParseAddrPort(c.destination)
		}
		for _, behind := range []string{"", "\r\n", "GET / HTTP/1.1\r\n", "\x16\x03\x01", c.header} {
			if h, n, err := Decode([]byte(c.header + behind)); h != want || n != len(c.header) || err != nil {
				t.Errorf("%s, followed by %q: %+v, %d, %v", c.name, behind, h, n, err)
			}
		}
	}
}

func TestDecode_Refuses(t *testing.T) {
	for _, c := range bad {
		if h, n, err := Decode([]byte(c.header)); h != (Header{}) || n != 0 || err != c.err {
			t.Errorf("%s: %+v, %d, %v; want %v", c.name, h, n, err, c.err)
		}
	}
}

// No byte of a header is passed over and none behind it is wanted, wherever it is cut.
func TestDecode_ResumesAtEachByte(t *testing.T) {
	for _, c := range good {
		for n := range c.header {
			if h, n, err := Decode([]byte(c.header[:n])); h != (Header{}) || n != 0 || err != nil {
				t.Errorf("%s, the first %d bytes: %+v, %d, %v", c.name, n, h, n, err)
			}
		}
	}
	for _, c := range bad {
		checkCuts(t, []byte(c.header))
	}
}

// Who reads what is lacking reads all of a header, and nothing behind it.
func TestLacks(t *testing.T) {
	for _, c := range good {
		checkPieces(t, []byte(c.header+"GET / HTTP/1.1\r\n"))
	}
	for _, c := range bad {
		checkPieces(t, []byte(c.header))
	}
}

// A header is never waited for beyond its longest, however long it says it is.
func TestAttackEndlessHeader(t *testing.T) {
	for _, endless := range []string{
		"PROXY UNKNOWN " + strings.Repeat("x", MaxHeader),
		"PROXY TCP4 " + strings.Repeat("1", MaxHeader),
		v2(0x21, 0x00, strings.Repeat("x", 0xffff)),
		v2(0x20, 0x00, strings.Repeat("x", MaxHeader-15)),
	} {
		if _, n, err := Decode([]byte(endless[:MaxHeader])); n != 0 || err == nil {
			t.Errorf("%.20q: %d, %v", endless, n, err)
		}
	}
}

func TestDecode_BinaryDoesNotAllocate(t *testing.T) {
	b := []byte(summed(v2(0x21, 0x21, inet6, checksum)))
	if n := allocs.PerRun(100, func() { _, _, _ = Decode(b) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
