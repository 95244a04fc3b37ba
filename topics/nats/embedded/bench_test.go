package embedded_test

import (
	"bytes"
	"strconv"
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
