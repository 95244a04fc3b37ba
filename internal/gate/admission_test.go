package gate

import (
	"net/netip"
	"testing"

	"github.com/framerail/framerail/internal/platform"
)

func TestAdmission_KeysOfAddresses(t *testing.T) {
	a := &Admission{perAddress: 1}
	key := func(s string) addressKey {
		k, ok := a.key(netip.MustParseAddr(s))
		if !ok {
			t.Errorf("%s has no limit", s)
		}
		return k
	}
	for _, same := range [][2]string{
		{"2001:db8::1", "2001:db8::2"}, {"2001:db8:1:2:3::", "2001:db8:1:2:ffff::"}, {"192.0.2.1", "::ffff:192.0.2.1"},
	} {
		if key(same[0]) != key(same[1]) {
			t.Errorf("%v differ", same)
		}
	}
	for _, other := range [][2]string{
		{"2001:db8:0:1::1", "2001:db8:0:2::1"}, {"192.0.2.1", "192.0.2.2"}, {"0.0.0.1", "::1"}, {"192.0.2.1", "::c000:201"},
	} {
		if key(other[0]) == key(other[1]) {
			t.Errorf("%v are the same", other)
		}
	}
	if _, ok := a.key(netip.Addr{}); ok {
		t.Error("a unix socket has a limit by address")
	}
}

func TestAdmission_Defaults(t *testing.T) {
	n, ok := platform.Real{}.Sockets().Limit()
	if !ok {
		n = descriptorsUnknown
	}
	var a Admission
	a.Init(0, 0, platform.Real{}.Sockets())
	if a.total <= 0 || a.total > n-reserveMin || a.perAddress <= 0 || a.excessMost <= 0 {
		t.Errorf("%d descriptors: %d in all, %d from an address, %d refused", n, a.total, a.perAddress, a.excessMost)
	}
	for _, addr := range []string{"127.0.0.1", "::1", "10.1.2.3", "192.168.0.1", "fd00::1", "fe80::1%eth0", "100.64.0.9", "::ffff:10.0.0.1"} {
		if _, bounded := a.key(netip.MustParseAddr(addr)); bounded {
			t.Errorf("%s, where a proxy may be, has a limit by default", addr)
		}
	}
	if _, bounded := a.key(netip.MustParseAddr("203.0.113.1")); !bounded {
		t.Error("a public address has no limit by default")
	}
	a = Admission{}
	a.Init(-1, -1, platform.Real{}.Sockets())
	if a.total != 0 || a.perAddress != 0 {
		t.Errorf("no limits asked for, got %d and %d", a.total, a.perAddress)
	}
}

// The memory of the counts follows the connections that exist.
func TestAdmission_GivesMemoryBack(t *testing.T) {
	var a Admission
	a.Init(-1, 0, platform.Real{}.Sockets())
	addr := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{203, byte(i >> 16), byte(i >> 8), byte(i)}) }
	const n = 10_000
	for i := range n {
		if got := a.Enter(addr(i)); got != CountedByAddress {
			t.Fatal(got)
		}
	}
	for i := range n - 100 {
		a.Leave(addr(i), CountedByAddress)
	}
	if len(a.from) != 100 || a.peak > n/8 {
		t.Errorf("%d addresses, and room for %d", len(a.from), a.peak)
	}
	for i := n - 100; i < n; i++ {
		a.Leave(addr(i), CountedByAddress)
	}
	if open, excess, addresses := a.Counted(); open+excess+addresses != 0 {
		t.Errorf("%d and %d from %d addresses are counted", open, excess, addresses)
	}
}

func BenchmarkAdmission(b *testing.B) {
	var a Admission
	a.Init(-1, 0, platform.Real{}.Sockets())
	addr := netip.MustParseAddr("203.0.113.1")
	b.ReportAllocs()
	for b.Loop() {
		a.Leave(addr, a.Enter(addr))
	}
}
