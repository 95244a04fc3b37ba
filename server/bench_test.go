package server

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

func BenchmarkEcho(b *testing.B) {
	for _, size := range []int{20, 1024, 128 << 10} {
		b.Run(fmt.Sprint("size=", size), func(b *testing.B) {
			s := start(b, &Server{Loops: 1, OnMessage: echo})
			p := dial(b, s)
			p.SetDeadline(time.Time{})
			message := []byte(masked(frame.Binary, true, string(make([]byte, size))))
			answer := make([]byte, len(message)-4)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Write(message); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(p.r, answer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkIdle is what idle connections take beside their net.Conns: heap and stacks after a collection, and goroutines.
// The clients are in the process, and wait on no goroutine.
func BenchmarkIdle(b *testing.B) {
	const clients = 400
	usage := func() (bytes, goroutines float64) {
		var m runtime.MemStats
		runtime.GC() // twice, so that nothing lies in a pool
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc + m.StackInuse), float64(runtime.NumGoroutine())
	}
	connect := func(addr net.Addr, then func(nc net.Conn)) (all [clients]net.Conn) {
		for i := range all {
			nc, err := net.Dial("tcp", addr.String())
			if err != nil {
				b.Fatal(err)
			}
			then(nc)
			all[i] = nc
		}
		return all
	}
	var bytes, goroutines float64
	for b.Loop() {
		ln, idle := listenLocal(b), [clients]net.Conn{}
		accepted := 0
		before, beforeThat := usage()
		held := connect(ln.Addr(), func(net.Conn) {
			nc, err := ln.Accept()
			if err != nil {
				b.Fatal(err)
			}
			idle[accepted] = nc
			accepted++
		})
		after, afterThat := usage()
		alone, aloneThat := after-before, afterThat-beforeThat
		for i := range held {
			held[i].Close()
			idle[i].Close()
		}
		ln.Close()
		held, idle = [clients]net.Conn{}, [clients]net.Conn{}

		s := start(b, &Server{Loops: 1, OnMessage: echo})
		request, answer := []byte(with()), make([]byte, 1<<10)
		before, beforeThat = usage()
		served := connect(s.ListenAddr(), func(nc net.Conn) {
			if _, err := nc.Write(request); err != nil {
				b.Fatal(err)
			}
			if _, err := nc.Read(answer); err != nil {
				b.Fatal(err)
			}
		})
		eventually(b, "all to be open", func() bool { return s.ClientCount() == clients })
		after, afterThat = usage()
		bytes += after - before - alone
		goroutines += afterThat - beforeThat - aloneThat
		for _, nc := range served {
			nc.Close()
		}
	}
	b.ReportMetric(bytes/clients/float64(b.N), "B/conn")
	b.ReportMetric(goroutines/clients/float64(b.N), "goroutines/conn")
}

func BenchmarkHandshake(b *testing.B) {
	s := start(b, &Server{Loops: 1})
	request := []byte(with())
	b.SetBytes(int64(len(request)))
	b.ReportAllocs()
	for b.Loop() {
		c, err := net.Dial("tcp", s.ListenAddr().String())
		if err != nil {
			b.Fatal(err)
		}
		_ = c.(*net.TCPConn).SetLinger(0) // leaves no port behind in TIME_WAIT
		_, _ = c.Write(request)
		if _, err := c.Read(make([]byte, 1<<10)); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}

func BenchmarkClients(b *testing.B) {
	for _, n := range []int{1000} {
		b.Run(fmt.Sprint("size=", n), func(b *testing.B) {
			var tb table
			for range n {
				tb.add(new(tenant))
			}
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				count := 0
				for range tb.all {
					count++
				}
				if count != n {
					b.Fatal(count)
				}
			}
		})
	}
}

// BenchmarkFairness is how late a goroutine wakes up that is none of the server's,
// while a process of its own keeps the loop from ever being idle.
func BenchmarkFairness(b *testing.B) {
	for _, procs := range []int{1, 2} {
		for _, load := range []string{"none", "on_loop", "on_goroutines"} {
			if procs == 2 && load != "on_loop" {
				continue
			}
			b.Run(fmt.Sprintf("procs=%d/load=%s", procs, load), func(b *testing.B) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				s := &Server{Loops: 1, OnMessage: echo}
				if load == "on_goroutines" {
					s.Dispatch = conn.OnGoroutines
				}
				start(b, s)
				if load != "none" {
					defer startLoad(b, s)()
				}
				late := make([]time.Duration, 0, b.N)
				for b.Loop() {
					const nap = time.Millisecond
					begin := time.Now()
					time.Sleep(nap)
					late = append(late, time.Since(begin)-nap)
				}
				slices.Sort(late)
				for _, p := range []int{50, 99, 100} {
					b.ReportMetric(float64(late[(len(late)-1)*p/100].Microseconds()), fmt.Sprintf("p%d-us", p))
				}
			})
		}
	}
}

func init() { parts["load"] = keepBusy }

const addrEnv = "FRAMERAIL_TEST_ADDR"

// startLoad keeps a server busy from a process of its own until the function
// returned is called.
func startLoad(b *testing.B, s *Server) (stop func()) {
	load := exec.Command(os.Args[0])
	load.Env = append(os.Environ(), partEnv+"=load", addrEnv+"="+s.ListenAddr().String())
	in, err := load.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := load.Start(); err != nil {
		b.Fatal(err)
	}
	eventually(b, "the load", func() bool { return s.ClientCount() == loadClients })
	return func() {
		in.Close()
		_ = load.Wait()
	}
}

const loadClients = 50

func keepBusy() int {
	batch := bytes.Repeat([]byte(masked(frame.Binary, true, "01234567890123456789")), 50)
	for range loadClients {
		c, err := net.Dial("tcp", os.Getenv(addrEnv))
		if err != nil {
			return 1
		}
		go func() {
			_, _ = io.WriteString(c, with())
			_, _ = c.Read(make([]byte, 1<<10))
			go func() { _, _ = io.Copy(io.Discard, c) }()
			for {
				if _, err := c.Write(batch); err != nil {
					return
				}
			}
		}()
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}
