package redis

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/topics"
)

var keepAll = topics.History{Messages: 100_000}

func TestProcesses_NothingHappens(t *testing.T) {
	for name, keep := range map[string]topics.History{"kept": keepAll, "not_kept": {}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, &world{keep: keep, calm: true})
			for _, p := range w.processes {
				p.talk()
			}
			w.end()
			w.expectAll()
		})
	}
}

// What is kept comes to everyone once, whatever happens to connections.
func TestProcesses_KeptMessagesSurviveLostConnections(t *testing.T) {
	w := newWorld(t, &world{keep: keepAll})
	for _, p := range w.processes {
		p.talk()
	}
	for i := range 6 {
		time.Sleep(80 * time.Millisecond)
		w.redis.answer("CLIENT", "KILL", "TYPE", []string{"pubsub", "normal"}[i%2])
	}
	w.end()
	w.expectAll()
}

func TestProcesses_KeptMessagesSurviveAPartition(t *testing.T) {
	w := newWorld(t, &world{keep: keepAll})
	for _, p := range w.processes {
		p.talk()
	}
	time.Sleep(100 * time.Millisecond)
	w.processes[cutOff].net.set(true)
	wait(t, "it is noticed", func() bool { return !w.processes[cutOff].Stats().Broker.Up })
	w.processes[cutOff].net.set(false)
	w.end()
	w.expectAll()
}

func TestProcesses_KeptMessagesSurviveARestartOfADurableServer(t *testing.T) {
	w := newWorld(t, &world{keep: keepAll, durable: true}, "--appendonly", "yes", "--appendfsync", "always")
	for _, p := range w.processes {
		p.talk()
	}
	time.Sleep(200 * time.Millisecond)
	w.redis.kill()
	time.Sleep(100 * time.Millisecond)
	w.redis.start()
	w.end()
	w.expectAll()
}

// A server that comes back empty, or without history, loses what was on its way. Whoever lacks it is told.
func TestProcesses_LossesAreReported(t *testing.T) {
	for name, keep := range map[string]topics.History{"kept": keepAll, "not_kept": {}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, &world{keep: keep})
			for _, p := range w.processes {
				p.talk()
			}
			time.Sleep(100 * time.Millisecond)
			w.redis.kill()
			time.Sleep(100 * time.Millisecond)
			w.redis.start()
			w.up()
			w.processes[cutOff].net.set(true)
			wait(t, "it is noticed", func() bool { return !w.processes[cutOff].Stats().Broker.Up })
			w.processes[cutOff].net.set(false)
			w.end()
			t.Logf("%d deliveries of %d are missing", w.expectReported(), 3*publishers*saidOf*len(w.members))
		})
	}
}

// What a process cannot keep for the others while its network is cut is counted: it is exactly what their members lack.
func TestProcesses_LossesAreCounted(t *testing.T) {
	for name, keep := range map[string]topics.History{"kept": keepAll, "not_kept": {}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, &world{keep: keep, outbox: 10_000})
			p := w.processes[cutOff]
			p.net.set(true)
			wait(t, "it is noticed", func() bool { return !p.Stats().Broker.Up })
			for n := range 500 {
				p.say(fmt.Sprintf("%s %d.0 %d", room(n), p.id, n))
			}
			p.net.set(false)
			w.end()
			lost := int(p.Stats().Broker.Lost)
			for m, rooms := range w.missing() {
				sum := 0
				for _, n := range rooms {
					sum += n
				}
				if want := map[bool]int{true: 0, false: lost}[m.process == p]; sum != want {
					t.Errorf("%s lacks %d messages, of %d that are counted", m.id, sum, lost)
				}
			}
			w.expectReported()
			if lost == 0 || lost >= 500 {
				t.Errorf("%d of 500 are counted as lost", lost)
			}
		})
	}
}

// Of a process that dies, the others have all up to some message. One that takes its place has all from some
// message on.
func TestProcesses_OneDiesAndOneTakesItsPlace(t *testing.T) {
	w := newWorld(t, &world{keep: keepAll})
	for _, p := range w.processes {
		p.talk()
	}
	time.Sleep(150 * time.Millisecond)
	dead := w.processes[2]
	dead.net.close()
	dead.srv.Close()
	late := w.add()
	late.talk()
	dead.all.Wait()
	w.mu.Lock()
	w.processes = append(w.processes[:2:2], late)
	for id, m := range w.members {
		if m.process == dead {
			delete(w.members, id)
		}
	}
	w.mu.Unlock()
	w.end()
	w.processes = append(w.processes, dead) // with what it said
	w.missing()                             // in order, and once
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.processes {
		for i, name := 0, ""; i < rooms*publishers; i++ {
			name = fmt.Sprintf("%s %d.%d", room(i), p.id, i/rooms)
			var want []string
			for _, text := range p.said {
				if rest, ok := strings.CutPrefix(text, name+" "); ok {
					want = append(want, rest)
				}
			}
			for _, m := range w.members {
				from, to := 0, len(want)
				if got := m.got[name]; m.process == late {
					from = max(0, to-len(got)) // a part at the end
					if p == dead {
						continue // a part in the middle
					}
				} else if p == dead {
					to = len(got) // a part at the beginning
				}
				if got := m.got[name]; !slices.Equal(got, want[from:to]) {
					t.Errorf("%s got %s: %q of %q", m.id, name, got, want)
				}
			}
		}
	}
}

// A message that Redis has published, but not confirmed, is sent again. Those who have it do not get it twice, also
// if they have connected again meanwhile.
func TestProcesses_WhatIsSentAgainComesOnce(t *testing.T) {
	for name, keep := range map[string]topics.History{"kept": keepAll, "not_kept": {}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, &world{keep: keep})
			p, other := w.processes[cutOff], w.processes[0]
			p.say("room.0 1.0 0")
			wait(t, "the first is confirmed", func() bool { return p.Stats().Broker.OutboxBytes == 0 })
			p.net.setMute()
			p.say("room.0 1.0 1")
			wait(t, "others have it", func() bool {
				w.mu.Lock()
				defer w.mu.Unlock()
				return len(w.members["0.0"].got["room.0 1.0"]) == 2
			})
			w.redis.answer("CLIENT", "KILL", "TYPE", "pubsub")
			wait(t, "others are connected again", func() bool { s := other.Stats().Broker; return s.Losses == 1 && s.Up })
			p.net.set(false)
			w.end()
			for m := range w.missing() {
				if got := m.got["room.0 1.0"]; len(got) != 2 {
					t.Errorf("%s got %q", m.id, got)
				}
			}
		})
	}
}
