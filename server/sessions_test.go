package server

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// Every connection that was open is in exactly one of the counts. The lost ones are those whose close
// callbacks say so. All callers of Shutdown get the same counts.
func TestDrain_CountsEveryConnectionOnce(t *testing.T) {
	parallel(t)
	modes(t, func(t *testing.T, d conn.Dispatch) {
		parallel(t)
		onceInTime(t, func() bool { return countsEachOnce(t, d) })
	})
}

// countsEachOnce returns false if the machine was too slow: for a request during Shutdown, or for the cut.
func countsEachOnce(t *testing.T, d conn.Dispatch) (inTime bool) {
	var unsent, filled atomic.Int64
	s := start(t, &Server{Dispatch: d, Limits: Limits{Limits: conn.Limits{CloseTimeout: time.Minute, MaxPending: 8 << 20}},
		OnConnection: fillsStuck(&filled),
		OnClose:      func(_ *conn.Conn, info conn.CloseInfo) { unsent.Add(int64(info.Unsent)) },
	})
	const each = 8
	for range 5 { // closed before: not counted
		p := dial(t, s)
		p.close(frame.NormalClosure, "")
		p.expectClose(frame.NormalClosure)
		p.expectEOF()
	}
	eventually(t, "the first to be gone", func() bool { return load(s) == 0 })
	var answer, silent, reset []*peer
	for range each {
		answer, silent, reset = append(answer, dial(t, s)), append(silent, dial(t, s)), append(reset, dial(t, s))
		stuck(t, s)
	}
	late := dialRaw(t, s)
	late.send("GET ")
	eventually(t, "the queues to be full", func() bool { return filled.Load() == each && load(s) == 4*each+1 })

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	const calls = 3
	drained, errs := make(chan Drain, calls), make(chan error, calls)
	began := time.Now()
	for range calls {
		go func() {
			d, err := s.Shutdown(ctx)
			drained <- d
			errs <- err
		}()
	}
	receive(t, s.run.stopping)
	late.send(upgrade[4:] + "\r\n")
	if !late.joins(began) {
		return false
	}
	late.expectClose(frame.GoingAway)
	late.close(frame.GoingAway, "")
	late.expectEOF()
	for i := range each {
		for _, p := range []*peer{answer[i], silent[i], reset[i]} {
			p.expectClose(frame.GoingAway)
		}
		answer[i].close(frame.GoingAway, "")
		answer[i].expectEOF()
		_ = reset[i].Conn.(*net.TCPConn).SetLinger(0)
		reset[i].Close()
	}
	half := Drain{Clean: each + 1, Forced: each, Open: 2 * each}
	eventually(t, "the reset ones to be gone", func() bool { return s.sessions.drained() == half })
	cancel()
	canceled, slow := 0, false
	for range calls {
		switch err := receive(t, errs); {
		case cutLate(err):
			slow = true
		case errors.Is(err, context.Canceled):
			canceled++
		case err != nil: // the others may find that all is done
			t.Errorf("got %v", err)
		}
	}
	if slow {
		return false
	}
	if canceled == 0 {
		t.Error("no call says that it has cut connections")
	}
	want := Drain{Clean: each + 1, Forced: 3 * each}
	receive(t, s.sessions.Idle()) // once the close callbacks have returned
	want.Lost = unsent.Load()
	if want.Lost == 0 {
		t.Error("nobody was stuck")
	}
	for range calls {
		if got := receive(t, drained); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if got, err := s.Shutdown(context.Background()); got != want || err != nil {
		t.Errorf("afterwards %+v, %v; want %+v", got, err, want)
	}
	return true
}

// Connections that come and go all the while are counted once each too.
func TestDrain_CountsAddUpUnderChurn(t *testing.T) {
	for range 20 {
		var opened, closed atomic.Int64
		s := start(t, &Server{OnMessage: echo,
			OnConnection: func(*conn.Conn) { opened.Add(1) },
			OnClose:      func(*conn.Conn, conn.CloseInfo) { closed.Add(1) },
		})
		addr := s.ListenAddr().String()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for {
					c, err := net.Dial("tcp", addr)
					if err != nil {
						return // the listener is closed
					}
					_, _ = c.Write([]byte(with() + masked(frame.Close, true, "\x03\xe8")))
					_ = c.SetReadDeadline(time.Now().Add(peerPatience))
					for b := make([]byte, 512); err == nil; _, err = c.Read(b) {
					}
					_ = c.Close()
				}
			})
		}
		eventually(t, "some traffic", func() bool { return closed.Load() > 50 })
		before := closed.Load() // of these none is counted
		d, err := s.Shutdown(context.Background())
		wg.Wait()
		if err != nil || d.Open != 0 || d.Forced != 0 || d.Lost != 0 || opened.Load() != closed.Load() || int64(d.Clean) > opened.Load()-before {
			t.Errorf("got %+v, %v; %d opened, %d closed, %d of them before", d, err, opened.Load(), closed.Load(), before)
		}
	}
}
