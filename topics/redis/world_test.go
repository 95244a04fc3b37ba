package redis

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/topics"
)

// The tests here have whole processes but for the process: Topics, a server on loopback, and a
// way to Redis that can be cut.

const (
	rooms      = 5
	membersOf  = 4 // a process
	publishers = 2 // of a process
	saidOf     = 200
	cutOff     = 1 // the process whose network is cut, which notices it soon
)

// process is one of several copies of a program.
type process struct {
	*topics.Topics
	w    *world
	id   int
	srv  *server.Server
	net  *proxy
	said []string // guarded by world.mu: what was published, with its room
	all  sync.WaitGroup
}

// world is what the processes have in common, and what is seen from outside.
type world struct {
	t       *testing.T
	redis   *redisServer
	keep    topics.History
	durable bool
	outbox  int
	calm    bool // no network is to be cut
	clients *client.Client

	mu        sync.Mutex
	processes []*process
	members   map[string]*member
	of        map[*conn.Conn]*member // on both sides
	answers   int
}

// member is a client, which is in all rooms.
type member struct {
	id      string
	process *process
	got     map[string][]string // by room and publisher
	lost    map[string]int      // reports of losses by room
}

func newWorld(t *testing.T, w *world, args ...string) *world {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	w.t, w.redis = t, startServer(t, args...)
	w.members, w.of = map[string]*member{}, map[*conn.Conn]*member{}
	w.clients = &client.Client{Logger: slog.New(slog.DiscardHandler), OnMessage: w.received}
	t.Cleanup(func() { w.clients.Close() })
	for range 3 {
		w.add()
	}
	return w
}

// add starts a process with its members, and waits until they have joined.
func (w *world) add() *process {
	w.t.Helper()
	p := &process{w: w, id: len(w.processes), net: newProxy(w.t, w.redis)}
	b := w.redis.broker()
	b.Durable, b.Client.DialCtxFn = w.durable, p.net.dial
	b.Client.ConnWriteTimeout, b.Client.Dialer.KeepAlive = time.Minute, 100*time.Millisecond
	if p.id == cutOff && !w.calm {
		b.Client.ConnWriteTimeout = 4 * time.Second
	}
	quiet := slog.New(slog.DiscardHandler)
	p.Topics = &topics.Topics{Broker: b, Logger: quiet, OnGap: w.onGap, MaxOutbox: w.outbox}
	p.History = func(string) topics.History { return w.keep }
	p.srv = &server.Server{Addr: "127.0.0.1:0", Logger: quiet, Loops: 2, OnConnection: p.join}
	if err := p.srv.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(p.stop)
	w.mu.Lock()
	w.processes = append(w.processes, p)
	w.answers = 0
	w.mu.Unlock()
	p.Stats() // the first call has it connect
	wait(w.t, "it is connected", func() bool { return p.Stats().Broker.Up })
	for i := range membersOf {
		m := &member{id: fmt.Sprint(p.id, ".", i), process: p, got: map[string][]string{}, lost: map[string]int{}}
		w.mu.Lock()
		w.members[m.id] = m
		w.mu.Unlock()
		ctx, cancel := context.WithTimeout(w.t.Context(), patience)
		c, err := w.clients.Dial(ctx, "ws://"+p.srv.ListenAddr().String()+"/"+m.id)
		cancel()
		if err != nil {
			w.t.Fatal(err)
		}
		w.mu.Lock()
		w.of[c] = m
		w.mu.Unlock()
	}
	wait(w.t, "all have joined", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.answers == membersOf*rooms
	})
	return p
}

func (p *process) stop() {
	p.all.Wait()
	p.Close()
	p.srv.Close()
}

func room(i int) string { return fmt.Sprint("room.", i%rooms) }

// join has a connection join all rooms.
func (p *process) join(c *conn.Conn) {
	r, _ := c.Request()
	p.w.mu.Lock()
	p.w.of[c] = p.w.members[r.URL.Path[1:]]
	p.w.mu.Unlock()
	for i := range rooms {
		err := p.SubscribeSince(c, room(i), topics.Position{}, func(_ topics.Position, err error) {
			p.w.mu.Lock()
			defer p.w.mu.Unlock()
			if err == nil {
				p.w.answers++
			}
		})
		if err != nil {
			p.w.t.Error(err)
		}
	}
}

func (w *world) onGap(c *conn.Conn, topic string, _ topics.Position) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.of[c].lost[topic]++
}

// received notes what a client reads: "room.3 0.1 17" is the 17th of a publisher, in all rooms.
func (w *world) received(c *conn.Conn, m conn.Message) {
	text := m.String()
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.of[c] == nil { // the client has not returned from Dial yet
		w.mu.Unlock()
		time.Sleep(time.Millisecond)
		w.mu.Lock()
	}
	at := strings.LastIndexByte(text, ' ')
	w.of[c].got[text[:at]] = append(w.of[c].got[text[:at]], text[at+1:])
}

// say publishes a text, again if there is no room.
func (p *process) say(text string) {
	name, _, _ := strings.Cut(text, " ")
	for {
		_, err := p.Publish(name, conn.Message{Type: conn.Text, Payload: []byte(text)})
		if err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.said = append(p.said, text)
}

// talk has all publishers of a process publish, until it returns.
func (p *process) talk() {
	for i := range publishers {
		p.all.Go(func() {
			for n := range saidOf {
				p.say(fmt.Sprintf("%s %d.%d %d", room(n*7/3), p.id, i, n))
				time.Sleep(3 * time.Millisecond)
			}
		})
	}
}

// end waits until everything that will come has come.
func (w *world) end() {
	w.t.Helper()
	for _, p := range w.processes {
		p.all.Wait()
	}
	w.up()
	for i := range rooms {
		for _, p := range w.processes {
			p.say(fmt.Sprintf("%s %d.end 0", room(i), p.id))
		}
	}
	wait(w.t, "the ends have come", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, m := range w.members {
			for i := range rooms * len(w.processes) {
				if len(m.got[fmt.Sprintf("%s %d.end", room(i), w.processes[i/rooms].id)]) == 0 {
					return false
				}
			}
		}
		return true
	})
}

// up waits until all processes are connected, have nothing left to send, and hear all rooms again.
func (w *world) up() {
	w.t.Helper()
	for _, p := range w.processes {
		wait(w.t, fmt.Sprint("process ", p.id, " is connected"), func() bool {
			s := p.Stats().Broker
			return s.Up && s.OutboxBytes == 0
		})
	}
	for i := range rooms {
		channel := fmt.Sprintf("%s{%s}%s%s", DefaultPrefix, tags()[partition(room(i))], kindTopic, room(i))
		want := fmt.Sprintf("[%s %d]", channel, len(w.processes))
		wait(w.t, "all hear "+room(i), func() bool { return w.redis.answer("PUBSUB", "SHARDNUMSUB", channel) == want })
	}
}

// missing is how many messages each member has not got, by room. It fails the test for what came twice, or not in order.
func (w *world) missing() map[*member]map[string]int {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	said := map[string][]string{}
	for _, p := range w.processes {
		for _, text := range p.said {
			at := strings.LastIndexByte(text, ' ')
			said[text[:at]] = append(said[text[:at]], text[at+1:])
		}
	}
	all := map[*member]map[string]int{}
	for _, m := range w.members {
		all[m] = map[string]int{}
		for by, want := range said {
			got := m.got[by]
			for i := 1; i < len(got); i++ {
				a, _ := strconv.Atoi(got[i-1])
				b, _ := strconv.Atoi(got[i])
				if b <= a {
					w.t.Errorf("%s got %s: %d behind %d", m.id, by, b, a)
				}
			}
			name, _, _ := strings.Cut(by, " ")
			all[m][name] += len(want) - len(got)
		}
	}
	return all
}

// expectAll checks that each member got everything, and that no loss is reported.
func (w *world) expectAll() {
	w.t.Helper()
	for m, rooms := range w.missing() {
		for name, n := range rooms {
			if n != 0 || m.lost[name] != 0 {
				w.t.Errorf("%s lacks %d messages of %s, and %d losses are reported", m.id, n, name, m.lost[name])
			}
		}
	}
}

// expectReported checks that a member that lacks something has heard of it. It returns how much
// is missing.
func (w *world) expectReported() (sum int) {
	w.t.Helper()
	for _, p := range w.processes {
		if n := p.Stats().Panics; n > 0 {
			w.t.Errorf("%d callbacks of process %d panicked", n, p.id)
		}
	}
	for m, rooms := range w.missing() {
		for name, n := range rooms {
			if n != 0 && m.lost[name] == 0 {
				w.t.Errorf("%s lacks %d messages of %s, and nothing is reported", m.id, n, name)
			}
			sum += n
		}
	}
	return sum
}
