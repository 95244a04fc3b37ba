package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/topics"
)

func TestPublish_ReachesInterestedNodesInOrder(t *testing.T) {
	r := startServer(t)
	a, b, c := run(t, r.broker()), run(t, r.broker()), run(t, r.broker())
	a.interest("room", "other")
	b.interest("room")
	var want []string
	for i := range 2000 { // more than a batch
		want = append(want, fmt.Sprint("room ", i))
	}
	texts := make([]string, len(want))
	for i := range texts {
		texts[i] = strings.TrimPrefix(want[i], "room ")
	}
	c.publish("room", topics.History{}, texts...)
	c.publish("elsewhere", topics.History{}, "nobody hears")
	a.publish("other", topics.History{}, "its own")
	a.expect(append(slices.Clone(want), "other its own")...)
	b.expect(want...)
	c.expect()
}

func TestPublish_AnyBytes(t *testing.T) {
	r := startServer(t)
	n := run(t, r.broker())
	n.interest("b", "b.*")
	keep := topics.History{Messages: 10}
	at := n.position("b", keep)
	data := []string{"", " ", "\x00\r\n\xff", "- a b", strings.Repeat("x", 3<<20)}
	n.publish("b", keep, data...)
	n.publish("b.c", topics.History{}, data...)
	var want []string
	for _, topic := range []string{"b ", "b.c "} {
		for _, d := range data {
			want = append(want, topic+d)
		}
	}
	n.expect(want...)
	missed, _, err := n.broker.Since(t.Context(), "b", keep, at, 4<<20)
	if len(missed) != len(data) || err != nil {
		t.Fatal(len(missed), err)
	}
	for i, m := range missed {
		if string(m.Data) != data[i] {
			t.Errorf("%q, want %q", m.Data, data[i])
		}
	}
}

// A message is sent to channels of the topic and of prefixes. A node is given it once.
func TestInterest_PatternsGetAMessageOnce(t *testing.T) {
	r := startServer(t)
	n, other := run(t, r.broker()), run(t, r.broker())
	all := []string{"a", "a.b", "a.b.c", "a.b.d", "x.b.c", "a.b.c.d"}
	for _, c := range []struct{ on, want []string }{
		{[]string{">"}, all},
		{[]string{"a.>"}, []string{"a.b", "a.b.c", "a.b.d", "a.b.c.d"}},
		{[]string{"a.*", "a.b"}, []string{"a.b"}},
		{[]string{">", "a.>", "a.b.>", "a.b.c", "*.b.c", "a.*.c"}, all},
		{[]string{"*.*.c", "a.b.*", "a.b.x"}, []string{"a.b.c", "a.b.d", "x.b.c"}},
		{[]string{"a.b.x.*", "a.*.d", "*"}, []string{"a", "a.b.d"}},
	} {
		n.interest(c.on...)
		for _, keep := range []topics.History{{}, {Messages: 3}} {
			var want []string
			for range 2 { // the same again is another message
				for _, topic := range all {
					other.publish(topic, keep, "m", "m")
					if slices.Contains(c.want, topic) {
						want = append(want, topic+" m", topic+" m")
					}
				}
			}
			n.expect(want...)
		}
		if err := n.broker.Interest(t.Context(), nil, c.on); err != nil {
			t.Fatal(err)
		}
		other.publish("a.b.c", topics.History{}, "after the interest has ended")
		n.expect()
	}
	if got := r.answer("PUBSUB", "SHARDCHANNELS"); got != "[]" {
		t.Errorf("there are still %s", got)
	}
}

func TestInterest_AgainAndWithoutHavingBegun(t *testing.T) {
	r := startServer(t)
	n := run(t, r.broker())
	n.interest("a", "a", "b.*", "b.*", "b.>")
	n.interest("a", "b.*")
	if err := n.broker.Interest(t.Context(), nil, []string{"never", "never.*", "b.*", "b.*"}); err != nil {
		t.Fatal(err)
	}
	n.publish("a", topics.History{}, "1")
	n.publish("b.c", topics.History{}, "2")
	n.expect("a 1", "b.c 2")
	n.interest("never")
	n.publish("never", topics.History{}, "3")
	n.expect("never 3")
}

// Whatever else is published to the channels is passed over, if it does not look like a message.
func TestInterest_ForeignMessagesArePassedOver(t *testing.T) {
	r := startServer(t)
	n := run(t, r.broker())
	n.interest("room", "room.*")
	s := n.broker.session.Load()
	for _, message := range []string{"", "-", "hello", "hello world", "1.0 x", "g.1 x", ".1 x", "1. x", "- room.1", "1.1"} {
		r.answer("SPUBLISH", s.name(partition("room"), kindTopic, "room"), strings.ReplaceAll(message, "- ", "_ "))
		r.answer("SPUBLISH", s.name(0, kindPrefix, "room"), message)
	}
	n.publish("room", topics.History{}, "ours")
	n.expect("room ours")
}

func TestNoPatterns_PublishesToTheTopicAlone(t *testing.T) {
	r := startServer(t)
	b := r.broker()
	b.NoPatterns = true
	n, all := run(t, b), run(t, r.broker())
	if err := b.Interest(t.Context(), []string{"a.*", "a.b"}, nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("interest in a pattern: %v", err)
	}
	n.interest("a.c")
	all.interest(">")
	n.publish("a.b", topics.History{}, "plain")
	n.publish("a.b", topics.History{Messages: 1}, "kept")
	n.expect("a.b plain", "a.b kept")
	all.expect()
}

func TestPrefix_KeepsProgramsApart(t *testing.T) {
	r := startServer(t)
	b := r.broker()
	b.Prefix = "other program "
	one, two := run(t, r.broker()), run(t, b)
	keep := topics.History{Messages: 5}
	at := two.position("room", keep)
	one.interest("room", ">")
	two.interest("room", ">")
	one.publish("room", keep, "one")
	one.expect("room one")
	two.expect()
	if got, now, err := two.since("room", keep, at); len(got) > 0 || now != at || err != nil {
		t.Error(got, now, err)
	}

	b = r.broker()
	b.Prefix = "{all in one slot}"
	if err := b.Run(t.Context(), nil); !errors.Is(err, errPrefix) {
		t.Error(err)
	}
}

func TestMethods_FailWhileThereIsNoConnection(t *testing.T) {
	b := new(Broker)
	if _, err := b.Publish(t.Context(), []topics.Packet{{Topic: "a"}}); err == nil {
		t.Error("Publish")
	}
	if b.Interest(t.Context(), []string{"a"}, nil) == nil {
		t.Error("Interest")
	}
	if _, _, err := b.Since(t.Context(), "a", topics.History{Last: true}, topics.Position{}, 1); err == nil {
		t.Error("Since")
	}
}

func TestRun_EndsWithItsContext(t *testing.T) {
	r := startServer(t)
	n := run(t, r.broker())
	n.cancel()
	if err := n.end(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	n.run()
	n.interest("a")
	n.publish("a", topics.History{}, "again")
	n.expect("a again")
}

func TestRun_ReportsThatThereIsNoServer(t *testing.T) {
	r := startServer(t)
	r.kill()
	if err := r.broker().Run(t.Context(), nil); err == nil || t.Context().Err() != nil {
		t.Error(err)
	}
}

// Behind an address there may be another server from one moment to the next.
func TestRun_RefusesTwoServers(t *testing.T) {
	a, b := startServer(t), startServer(t)
	broker, dials := a.broker(), 0
	broker.Client.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, c *tls.Config) (net.Conn, error) {
		if dials++; dials == 3 {
			return b.dial(ctx, addr, d, c)
		}
		return a.dial(ctx, addr, d, c)
	}
	if err := broker.Run(t.Context(), nil); !errors.Is(err, errServers) {
		t.Errorf("%d connections: %v", dials, err)
	}
}

// A script that the server has forgotten is loaded by the next Run.
func TestRun_EndsWhenScriptsAreGone(t *testing.T) {
	r := startServer(t)
	n := run(t, r.broker())
	r.answer("SCRIPT", "FLUSH")
	taken, err := n.broker.Publish(t.Context(), []topics.Packet{{Topic: "a"}})
	if taken != 0 || err == nil {
		t.Error(taken, err)
	}
	if err := n.end(); err == nil || !strings.Contains(err.Error(), "NOSCRIPT") {
		t.Error(err)
	}
	n.run()
	n.publish("a", topics.History{}, "again")
}

func TestRun_EndsWhenTheServerClosesAConnection(t *testing.T) {
	r := startServer(t)
	for _, kind := range []string{"pubsub", "normal"} {
		n := run(t, r.broker())
		n.interest("a")
		r.answer("CLIENT", "KILL", "TYPE", kind)
		if kind == "normal" { // only who asks notices
			wait(t, "Publish fails", func() bool {
				_, err := n.broker.Publish(t.Context(), []topics.Packet{{Topic: "a"}})
				return err != nil
			})
		}
		if err := n.end(); err == nil {
			t.Error(kind)
		}
	}
}

// Redis closes the connection of a client that reads too slowly. What it had not read is lost, and
// Run says so by its return.
func TestRun_EndsForASlowReader(t *testing.T) {
	r := startServer(t, "--client-output-buffer-limit", "pubsub", "1mb", "1mb", "0")
	b := r.broker()
	b.Client.ConnWriteTimeout = time.Hour // it is Redis that closes
	slow := &node{t: t, broker: b, block: make(chan struct{})}
	slow.run()
	read := sync.OnceFunc(func() { close(slow.block) })
	t.Cleanup(read)
	slow.interest("a")
	fast := run(t, r.broker())
	fast.interest("a")
	sent := 0
	wait(t, "Redis has closed the connection", func() bool {
		fast.publish("a", topics.History{}, strings.Repeat("x", 64<<10))
		sent++
		return strings.Count(r.answer("CLIENT", "LIST", "TYPE", "pubsub"), "id=") == 1
	})
	read()
	if err := slow.end(); err == nil {
		t.Error("Run returned nothing")
	}
	if got := len(slow.received()); got >= sent {
		t.Errorf("received %d of %d", got, sent)
	}
	fast.mark()
	if got := len(fast.received()); got != sent {
		t.Errorf("the other node received %d of %d", got, sent)
	}
}

// The rights that doc.go lists are enough, and without any of the keys and channels of others.
func TestRights_ThoseOfTheDocumentationAreEnough(t *testing.T) {
	r := startServer(t)
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rights, _ := strings.Cut(string(text), "\tACL SETUSER topics")
	rights, _, _ = strings.Cut(rights, "//\n")
	rules := strings.Fields("ACL SETUSER topics" + strings.ReplaceAll(rights, "//", ""))
	if got := r.answer(rules...); got != "OK" {
		t.Fatal(got)
	}
	b := r.broker()
	b.Client.Username, b.Client.Password = "topics", "secret"
	n := run(t, b)
	n.interest("a", "a.*", "b")
	keep := topics.History{Messages: 2, Bytes: 1000, Age: time.Hour, Last: true}
	at := n.position("a", keep)
	n.publish("a", keep, "1", "2")
	n.publish("a.b", topics.History{Messages: 1}, "3")
	n.publish("b", topics.History{}, "4")
	n.publish("a", keep, "5")
	n.expect("a 1", "a 2", "a.b 3", "b 4", "a 5")
	if err := n.broker.Interest(t.Context(), nil, []string{"a", "a.*"}); err != nil {
		t.Error(err)
	}
	if got, _, err := n.since("a", keep, topics.Position{Epoch: at.Epoch, Offset: 1}); !slices.Equal(got, []string{"2", "5"}) || err != nil {
		t.Error(got, err)
	}
	if got, _, err := n.since("a", keep, topics.Position{}); !slices.Equal(got, []string{"5"}) || err != nil {
		t.Error(got, err)
	}
	if got := r.answer("ACL", "LOG"); got != "[]" {
		t.Errorf("Redis refused %s", got)
	}

	b = r.broker()
	b.Client.Username, b.Client.Password, b.Prefix = "topics", "secret", "others:"
	run(t, b)
	for range 2 {
		if err := b.Interest(t.Context(), []string{"a"}, nil); err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("subscribed to a channel of others: %v", err)
		}
		if _, err := b.Publish(t.Context(), []topics.Packet{{Topic: "a"}}); err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("published to a channel of others: %v", err)
		}
	}
	b = r.broker()
	b.Client.Username = "topics"
	b.Client.Password = "guessed"
	if b.Run(t.Context(), nil) == nil {
		t.Error("connected with a wrong password")
	}
}

func TestInterest_HundredThousandTopics(t *testing.T) {
	r := startServer(t)
	n := run(t, r.broker())
	on := hundredThousand()
	for range 2 { // on a new connection too
		n.interest(on...)
		n.publish(on[0], topics.History{}, "first")
		n.publish(on[len(on)-1], topics.History{}, "last")
		n.expect(on[0]+" first", on[len(on)-1]+" last")
		r.answer("CLIENT", "KILL", "TYPE", "pubsub")
		n.end()
		n.run()
	}
	n.interest(on...)
	if err := n.broker.Interest(t.Context(), nil, on); err != nil {
		t.Fatal(err)
	}
	if got := r.answer("PUBSUB", "SHARDCHANNELS"); got != "[]" {
		t.Error("there are still channels")
	}
}

// hundredThousand is the names of as many topics.
func hundredThousand() []string {
	names := make([]string, 100_000)
	for i := range names {
		names[i] = fmt.Sprintf("rooms.%d.chat", i)
	}
	return names
}
