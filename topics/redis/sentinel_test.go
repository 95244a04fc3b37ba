package redis

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/rueidis"

	"github.com/framerail/framerail/topics"
)

// After a failover Run finds the new primary. That one may lack the last messages, so positions are new.
func TestSentinel_Failover(t *testing.T) {
	first, second, third := freePort(t), freePort(t), freePort(t)
	bind := []string{"--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0"}
	primary := startServer(t, append(bind, "--port", first)...)
	replica := startServer(t, append(bind, "--port", second, "--replicaof", "127.0.0.1 "+first)...)
	wait(t, "the replica is in step", func() bool {
		return strings.Contains(replica.answer("INFO", "replication"), "master_link_status:up")
	})
	conf := filepath.Join(t.TempDir(), "sentinel.conf") // Sentinel writes into it
	if err := os.WriteFile(conf, []byte("sentinel monitor topics 127.0.0.1 "+first+" 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel := startSentinel(t, conf, third)
	wait(t, "Sentinel knows the replica", func() bool {
		return strings.Contains(sentinel.answer("SENTINEL", "replicas", "topics"), second)
	})

	b := &Broker{Client: rueidis.ClientOption{InitAddress: []string{"127.0.0.1:" + third}, ConnWriteTimeout: patience,
		Sentinel: rueidis.SentinelOption{MasterSet: "topics"}}}
	n := run(t, b)
	keep := topics.History{Messages: 10}
	n.interest("room")
	n.publish("room", keep, "1", "2")
	at := n.position("room", keep)
	at.Offset = 1
	primary.kill()
	if err := n.end(); err == nil {
		t.Error("Run returned nothing")
	}
	wait(t, "Sentinel has a new primary", func() bool {
		sentinel.answer("SENTINEL", "FAILOVER", "topics") // at once, without waiting until it is sure
		return strings.Contains(replica.answer("ROLE"), "master")
	})
	wait(t, "Run finds it", func() bool {
		n.start()
		select {
		case <-n.up:
			return true
		case <-n.ended:
			return false
		}
	})
	if got, now, err := n.since("room", keep, at); !errors.Is(err, topics.ErrGap) || now.Epoch == at.Epoch {
		t.Error(got, now, err)
	}
	n.interest("room")
	n.publish("room", keep, "3")
	n.expect("room 1", "room 2", "room 3")
}
