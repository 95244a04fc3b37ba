package server

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/test/allocs"
)

func TestClients_TableOfOpenConnections(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := start(t, &Server{Dispatch: d, OnMessage: echo})
		if _, ok := s.Client(netip.AddrPort{}); ok || s.ClientCount() != 0 {
			t.Error("clients before there are any")
		}
		const n = 200 // the table grows and shrinks
		var peers []*peer
		for range n {
			peers = append(peers, dial(t, s))
		}
		eventually(t, "all", func() bool { return s.ClientCount() == n })
		seen := map[*conn.Conn]bool{}
		for c := range s.Clients() {
			seen[c] = true
		}
		if len(seen) != n {
			t.Errorf("%d of %d listed", len(seen), n)
		}
		for i, p := range peers {
			c, ok := s.Client(netip.MustParseAddrPort(p.LocalAddr().String()))
			if !ok || !seen[c] {
				t.Errorf("client %d is not found", i)
			}
			p.Close()
			eventually(t, "it to be gone", func() bool {
				_, ok := s.Client(c.RemoteAddr())
				return !ok && s.ClientCount() == n-i-1
			})
		}
		for range s.Clients() {
			t.Error("somebody is left")
		}
	})
}

// package net's addresses are mapped on a socket that is for IPv6 as well, and in any slice of
// 16 bytes.
func TestClients_AreFoundByTheirMappedAddress(t *testing.T) {
	s := start(t, &Server{OnMessage: echo})
	p := dial(t, s)
	p.alive()
	plain := netip.MustParseAddrPort(p.LocalAddr().String())
	mapped := netip.AddrPortFrom(netip.AddrFrom16(plain.Addr().As16()), plain.Port())
	if c, ok := s.Client(mapped); !ok || c.RemoteAddr() != plain {
		t.Errorf("%v is not found", mapped)
	}
}

func TestClients_IterateWhileOthersComeAndGo(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := start(t, &Server{Dispatch: d, OnMessage: echo})
		stays := dial(t, s)
		stays.alive()
		eventually(t, "the one that stays", func() bool { return s.ClientCount() == 1 })
		stop := make(chan bool)
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					p := dial(t, s)
					p.Close()
				}
			}
		})
		at := netip.MustParseAddrPort(stays.LocalAddr().String())
		for range 500 {
			outer, found := 0, 0
			for c := range s.Clients() {
				outer++
				if c.RemoteAddr() == at {
					found++
				}
				for inner := range s.Clients() { // nested
					_ = inner.State()
					break
				}
			}
			if found != 1 || outer < 1 {
				t.Fatalf("the one that stays was listed %d times among %d", found, outer)
			}
		}
		close(stop)
		wg.Wait()
	})
}

// at is a client of a table with that address.
func at(addr netip.AddrPort) *tenant {
	cl := new(tenant)
	cl.SetRemoteAddr(addr)
	return cl
}

// many is a table of n clients, every other one behind a proxy that tells no ports.
func many(n int) (tb *table, there []*tenant) {
	tb = new(table)
	for i := range n {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, byte(i >> 16), byte(i >> 8)}), uint16(i%256+1))
		if i%2 == 0 {
			addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(i / 512 % 16), byte(i / 2)}), 0)
		}
		there = append(there, at(addr))
		tb.add(there[i])
	}
	return tb, there
}

// Whoever is there all the while is listed once, and nobody twice, although the table grows
// and shrinks by half and more in the meantime.
func TestClients_EachIsListedOnceWhileTheTableChanges(t *testing.T) {
	const n = 40_000
	for _, grows := range []bool{false, true} {
		tb, there := many(n)
		stay, others := there[:n/100], there[n/100:]
		if grows {
			for _, cl := range others {
				tb.remove(cl)
			}
		}
		listed := make(map[*conn.Conn]int)
		for c := range tb.all {
			for range 30 { // of others, with each that is listed
				if len(others) == 0 {
					break
				}
				if grows {
					tb.add(others[0])
				} else {
					tb.remove(others[0])
				}
				others = others[1:]
			}
			listed[c]++
		}
		for c, times := range listed {
			if times > 1 {
				t.Errorf("%v is listed %d times", c.RemoteAddr(), times)
			}
		}
		for _, cl := range stay {
			if listed[cl.public()] == 0 {
				t.Errorf("%v is not listed", cl.RemoteAddr())
			}
		}
	}
}

// No call locks the table for as long as there are clients: an iteration that ends early, and
// a look-up of an address without a port, cost little of what an iteration does, and nothing
// is allocated.
func TestClients_LookingUpCostsNoIteration(t *testing.T) {
	tb, _ := many(100_000)
	took := func(f func()) time.Duration {
		best := time.Hour
		for range 20 {
			begin := time.Now()
			f()
			best = min(best, time.Since(begin))
		}
		return best
	}
	all := took(func() {
		for range tb.all {
		}
	})
	calls := map[string]func(){
		"break": func() {
			for range tb.all {
				break
			}
		},
		"port_0":            func() { tb.get(netip.MustParseAddrPort("198.51.7.2:0")) },
		"port_0, not there": func() { tb.get(netip.MustParseAddrPort("203.0.113.1:0")) },
	}
	for name, f := range calls {
		if d := took(f); d > all/20 {
			t.Errorf("%s takes %v, to iterate over all %v", name, d, all)
		}
		if n := allocs.PerRun(1000, f); n > 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
	t.Logf("all %v, break %v, port 0 %v, not there %v", all, took(calls["break"]), took(calls["port_0"]), took(calls["port_0, not there"]))
}

// A table that was full once gives its memory back, and no client is lost on the way.
func TestClients_TableShrinks(t *testing.T) {
	const n = 20 * maxChain * minBuckets
	var tb table
	there := make([]*tenant, n)
	fits := func() {
		t.Helper()
		if tb.count > maxChain*len(tb.buckets) {
			t.Fatalf("%d buckets for %d clients", len(tb.buckets), tb.count)
		}
		if len(tb.buckets) > minBuckets && tb.count < maxChain*len(tb.buckets)/8 {
			t.Fatalf("%d buckets left for %d clients", len(tb.buckets), tb.count)
		}
	}
	for i := range there {
		there[i] = new(tenant)
		tb.add(there[i])
		fits()
	}
	for i, cl := range there {
		tb.remove(cl)
		fits()
		if i%1000 == 0 {
			listed := 0
			for range tb.all {
				listed++
			}
			if listed != n-i-1 {
				t.Fatalf("%d listed of %d", listed, n-i-1)
			}
		}
	}
	if len(tb.buckets) != minBuckets {
		t.Errorf("%d buckets for nobody, want %d", len(tb.buckets), minBuckets)
	}
}

func TestClients_SameWithoutAddress(t *testing.T) {
	var tb table
	a, b := new(tenant), new(tenant)
	for _, cl := range []*tenant{a, b} {
		tb.add(cl)
		tb.add(cl) // once
	}
	if tb.len() != 2 {
		t.Errorf("%d listed, want 2", tb.len())
	}
	if _, ok := tb.get(netip.AddrPort{}); ok {
		t.Error("found by no address")
	}
	tb.remove(a)
	tb.remove(a)
	if tb.len() != 1 {
		t.Errorf("%d listed, want 1", tb.len())
	}
	tb.remove(b)
}
