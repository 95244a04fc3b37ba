package server

import (
	"net/netip"
	"sync"
	"testing"

	"github.com/framerail/framerail/conn"
)

func TestClients_TableOfThoseWhoAreThere(t *testing.T) {
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
		eventually(t, "the one who stays", func() bool { return s.ClientCount() == 1 })
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
				t.Fatalf("the one who stays was listed %d times among %d", found, outer)
			}
		}
		close(stop)
		wg.Wait()
	})
}

// A table that was full once gives its memory back, and no client is lost on the way.
func TestClients_TableShrinks(t *testing.T) {
	const n = 20 * maxChain * minBuckets
	var tb table
	there := make([]*client, n)
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
		there[i] = new(client)
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
	a, b := new(client), new(client)
	for _, cl := range []*client{a, b} {
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
