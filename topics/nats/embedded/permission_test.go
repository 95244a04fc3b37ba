package embedded_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/nats"
	client "github.com/nats-io/nats.go"
)

// restricted is a server at which the user u, with password p, has rights for topics in rooms alone. What u may publish
// besides is given.
func restricted(t *testing.T, besides string) *process {
	t.Helper()
	s := newProcess(t)
	s.kill()
	s.configure(`authorization { users = [{ user: u, password: p, permissions: {
		subscribe: ["framerail.rooms.>", "_INBOX.>", "$JS.EVENT.ADVISORY.STREAM.>"]
		publish: ["framerail.rooms.>", "framerail-kept.rooms.>", ` + besides + `] } }, { user: all, password: p }] }`)
	s.start()
	return s
}

func as(user string) []client.Option { return []client.Option{client.UserInfo(user, "p")} }

// A topic for which rights are missing does not keep out messages before it. The batch behind it is published again, without it.
func TestPublish_NamesWhatIsNotPermitted(t *testing.T) {
	s := restricted(t, `"$JS.API.>"`)
	rec := recorder(s.url())
	rec.Options = as("u")
	other := up(t, &nats.Broker{URL: s.url(), Options: as("all")})
	other.interest("rooms.1", "secret")
	for _, b := range []topics.Broker{&nats.Broker{URL: s.url(), Options: as("u")}, rec} {
		n := up(t, b)
		for _, keep := range []topics.History{{}, ten} {
			if _, records := b.(*nats.Recorder); keep != (topics.History{}) && !records {
				continue
			}
			for range 2 { // as often as it is tried
				batch := []topics.Packet{{Topic: "rooms.1", Data: []byte("1"), Keep: keep}, {Topic: "rooms.2", Keep: keep},
					{Topic: "secret", Keep: keep}, {Topic: "secret.too", Keep: keep}, {Topic: "secret", Keep: keep}}
				taken, err := b.Publish(t.Context(), batch)
				if taken != 2 || !errors.Is(err, client.ErrPermissionViolation) {
					t.Errorf("%T, %+v: %d taken, %v", b, keep, taken, err)
				}
			}
			n.publish("rooms.1", keep, "2")
		}
		if len(n.ended) > 0 {
			t.Errorf("%T: the connection has ended: %v", b, <-n.ended)
		}
	}
	if got := other.got("secret"); len(got) > 0 {
		t.Errorf("%q", text(got))
	}
}

// What is not permitted to a call of Since is not taken for a refusal of an interest, or of a message.
func TestInterest_BesideWhatIsNotPermitted(t *testing.T) {
	s := restricted(t, `"$JS.API.INFO", "$JS.API.STREAM.>"`) // not those that read messages
	rec := recorder(s.url())
	rec.Options = as("u")
	n := up(t, rec)
	at := n.position("rooms.1")
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				limited, end := context.WithTimeout(ctx, 5*time.Millisecond)
				if _, _, err := rec.Since(limited, "rooms.1", ten, at, muchRoom); err == nil {
					t.Error("it is permitted")
				}
				end()
			}
		})
	}
	for i := range 200 {
		n.interest(label(i))
		n.publish(label(i), topics.History{}, "1")
	}
	cancel()
	readers.Wait()
	if err := rec.Interest(t.Context(), []string{"rooms.x", "secret"}, nil); !errors.Is(err, client.ErrPermissionViolation) {
		t.Error(err)
	}
}
