package embedded_test

import (
	"bytes"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/nats"
)

// Batches of 512 messages of 100 bytes, as Topics publishes them.
func BenchmarkPublish(b *testing.B) {
	for name, keep := range map[string]topics.History{"plain": {}, "kept": {Messages: 100}} {
		b.Run(name, func(b *testing.B) {
			n := up(b, recorder(newProcess(b).url()))
			ms := make([]topics.Packet, 512)
			for i := range ms {
				ms[i] = topics.Packet{Topic: label(i), Keep: keep, Data: bytes.Repeat([]byte("x"), 100)}
			}
			b.ReportAllocs()
			for sent := 0; sent < b.N; sent += len(ms) {
				for i := range ms {
					ms[i].Data = strconv.AppendInt(ms[i].Data[:80], 1e9+int64(sent+i), 10)
				}
				if _, err := n.broker.Publish(b.Context(), ms); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSince(b *testing.B) {
	for _, missed := range []int{0, 1, 100} {
		b.Run("missed="+strconv.Itoa(missed), func(b *testing.B) {
			n := up(b, recorder(newProcess(b).url()))
			keep := topics.History{Messages: 100}
			n.publish("a", keep, "first")
			at := n.position("a")
			n.publish("a", keep, numbers(1, missed)...)
			n.publish("b", keep, numbers(1, 1000)...)
			b.ReportAllocs()
			for b.Loop() {
				ps, _, err := n.broker.(*nats.Recorder).Since(b.Context(), "a", keep, at, muchRoom)
				if err != nil || len(ps) != missed {
					b.Fatal(len(ps), err)
				}
			}
		})
	}
}

// A node's connection is lost, and it tells the server of 100,000 topics anew. If they are kept, it then asks what it has missed of each, on as many
// goroutines as Topics does.
func BenchmarkComeback(b *testing.B) {
	s := newProcess(b)
	names := hundredThousand()
	b.Run("plain", func(b *testing.B) {
		comeback(b, up(b, &nats.Broker{URL: s.url()}), names, func() {})
	})
	var positions []topics.Position
	b.Run("kept", func(b *testing.B) {
		n := up(b, &nats.Recorder{Broker: nats.Broker{URL: s.url()}})
		keep := topics.History{Messages: 100}
		if positions == nil { // it runs more than once
			positions = publishOne(b, n, names, keep)
		}
		comeback(b, n, names, func() {
			var next atomic.Int64
			var wg sync.WaitGroup
			for range 32 {
				wg.Go(func() {
					for i := next.Add(1) - 1; i < int64(len(names)); i = next.Add(1) - 1 {
						got, _, err := n.broker.(*nats.Recorder).Since(b.Context(), names[i], keep, positions[i], muchRoom)
						if err != nil || len(got) > 0 {
							b.Errorf("%s: %d messages, %v", names[i], len(got), err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	})
}

// publishOne publishes a message to each of a number of topics, and returns where they are then.
func publishOne(b *testing.B, n *node, names []string, keep topics.History) []topics.Position {
	begin := n.position(names[0])
	for some := names; len(some) > 0; some = some[min(len(some), 512):] {
		var ms []topics.Packet
		for _, name := range some[:min(len(some), 512)] {
			ms = append(ms, topics.Packet{Topic: name, Keep: keep, Data: bytes.Repeat([]byte("x"), 100)})
		}
		if _, err := n.broker.Publish(b.Context(), ms); err != nil {
			b.Fatal(err)
		}
	}
	positions := make([]topics.Position, len(names))
	for i := range positions {
		positions[i] = topics.Position{Epoch: begin.Epoch, Offset: begin.Offset + uint64(i) + 1}
	}
	return positions
}

// comeback measures how long a node takes from the end of its connection until it has told the server of all topics, and has asked.
func comeback(b *testing.B, n *node, names []string, ask func()) {
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		n.stop()
		b.StartTimer()
		n.run()
		n.interest(names...)
		ask()
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/comeback")
}
