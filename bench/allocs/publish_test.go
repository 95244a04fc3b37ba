package allocs

import (
	"fmt"
	"testing"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/bench/peers"
)

// members are how many connections a message is published to, over all event loops.
const members = 10

// TestPublishDoesNotAllocate counts what a message to a topic costs, from its arrival to its last member: once it
// is encoded, and compressed, for all of them. A frame of more than 64 KiB is made anew each time.
func TestPublishDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget at random")
	}
	for _, name := range []string{"framerail-topics-broadcast", "framerail-topics-broadcast-alone"} {
		p, err := peers.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{20, 1024, 60_000} {
			t.Run(fmt.Sprintf("%s/%d", name, size), func(t *testing.T) {
				room := joined(t, p, size)
				steady(t, room[0].publisher(room), count(size)/members)
			})
		}
	}
}

// joined are members of a server's topic. Each publishes when it has joined, so that the next message reaches all.
func joined(t *testing.T, p peers.Peer, size int) (room []*client) {
	t.Helper()
	addr := serve(t, p)
	for range members {
		c := dial(t, p, addr, wire.Text, size)
		room = append(room, c)
		if err := c.publisher(room)(); err != nil {
			t.Fatal(err)
		}
	}
	return room
}

// publisher sends the client's message, and waits until all members have it.
func (c *client) publisher(room []*client) func() error {
	return func() error {
		if err := c.send(); err != nil {
			return err
		}
		for _, member := range room {
			member.check.Expect(c.opcode, c.payload)
			if err := member.await(); err != nil {
				return err
			}
		}
		return nil
	}
}
