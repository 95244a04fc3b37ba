package topics

import (
	"runtime"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/session"
)

// A message is encoded once, however many loops have members, and patterns that match.
func TestPublish_EncodesOnceForAllLoops(t *testing.T) {
	stamped := 0
	topics := &Topics{History: keep(History{Messages: 5})}
	topics.Stamp = func(_ string, _ Position, m conn.Message) conn.Message { stamped++; return m }
	var hosts []*host
	for range 3 {
		h := newHost(4)
		defer h.close()
		h.allSubscribe(t, topics, "a.b")
		h.allSubscribe(t, topics, "a.*")
		hosts = append(hosts, h)
	}
	_, err := topics.Publish("a.b", text("x"))
	expect(t, "error", err, nil)
	expect(t, "stamped", stamped, 1)
	pub := topics.names["a.b"].history.at(0)
	for _, h := range hosts {
		ops := topics.shards[h.loop].ops
		expect(t, "operations", len(ops), 2)
		for _, o := range ops {
			expect(t, "the publication is the one that is kept", o.pub == pub, true)
		}
		before := h.sum().bytes
		h.turn()
		expect(t, "bytes", h.sum().bytes-before, 4*len("..x"))
	}
	expect(t, "senders", pub.senders, 0)
}

// A message that is kept does not keep the connection that was not to be sent it.
func TestPublishExcept_KeepsNoConnection(t *testing.T) {
	topics := &Topics{History: keep(History{Messages: 5, Last: true})}
	h := newHost(2)
	defer h.close()
	h.allSubscribe(t, topics, "a")
	freed := make(chan struct{})
	func() {
		d := h.all[1]
		runtime.SetFinalizer(d, func(*session.Driver) { close(freed) })
		_, err := topics.PublishExcept("a", connOf(&d.Conn), text("x"))
		expect(t, "error", err, nil)
		h.turn()
		d.Abort(nil)
		h.turn()
		h.all, h.asked, h.due = h.all[:1:1], nil, nil
	}()
	h.all = append([]*session.Driver(nil), h.all...)
	eventually(t, "a closed connection is freed", func() bool {
		runtime.GC()
		select {
		case <-freed:
			return true
		default:
			return false
		}
	})
	expect(t, "messages that are kept", topics.names["a"].history.n, 1)
}
