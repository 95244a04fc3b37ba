package chat

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/topics"
)

// room is a room on one node. Lines go through its topic, and so do those of the other nodes.
type room struct {
	rooms *Rooms
	topic string

	users int       // guarded by Rooms.mu: visitors who are in it, or about to be
	left  time.Time // guarded by Rooms.mu: when the last one left

	// mu is held while an event is published, which never blocks. That gives everybody the same
	// order. It comes before the locks of topics.
	mu     sync.Mutex
	people []*visitor // guarded by mu: in the order in which they joined
}

// join has a visitor join, or says why not. It reports whether the visitor has joined.
func (r *room) join(v *visitor, name string, since topics.Position) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.people) >= maxPeople {
		v.refuse("The room is full. Please try again later.", 0)
		return false
	}
	me := person{Name: uniqueName(name, r.has), Seat: r.freeSeat()}
	welcome := event{Type: "welcome", Name: me.Name, Seat: me.Seat, From: v.from, Node: r.rooms.node}
	err := r.rooms.subscribe(v, r.topic, since, &welcome)
	if err == nil {
		_, err = r.rooms.local.Subscribe(v.conn, r.topic)
	}
	if err != nil {
		_ = v.conn.Close(frame.InternalError, "no place in the room")
		return false
	}
	v.room, v.person = r, me
	r.people = append(r.people, v)
	for _, p := range r.people {
		welcome.People = append(welcome.People, p.person)
	}
	_ = v.conn.SendMessage(welcome.message()) // before the lines: those come with the loop's turn
	_, _ = r.rooms.local.PublishExcept(r.topic, v.conn, event{Type: "joined", Name: me.Name, Seat: me.Seat}.message())
	return true
}

// leave takes a visitor out of the room and tells the others.
func (r *room) leave(v *visitor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.people, v)
	r.people = slices.Delete(r.people, i, i+1)
	_, _ = r.rooms.local.Publish(r.topic, event{Type: "left", Name: v.person.Name}.message())
}

// say publishes a line of a visitor's.
func (r *room) say(v *visitor, text string, number uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := event{
		Type: "said", Name: v.person.Name, Seat: v.person.Seat, Text: text,
		From: v.from, Number: number, At: time.Now().UnixMilli(),
	}
	return r.rooms.publish(r.topic, line)
}

// freeSeat is the lowest that nobody has. mu is held.
func (r *room) freeSeat() int {
	taken := make([]bool, len(r.people)+1)
	for _, p := range r.people {
		if p.person.Seat < len(taken) {
			taken[p.person.Seat] = true
		}
	}
	return slices.Index(taken, false)
}

// has reports whether somebody has that name, in whatever case. mu is held.
func (r *room) has(name string) bool {
	return slices.ContainsFunc(r.people, func(v *visitor) bool {
		return strings.EqualFold(v.person.Name, name)
	})
}
