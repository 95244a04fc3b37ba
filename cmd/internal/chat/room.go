package chat

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"
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
	people []*visitor // guarded by mu: in the order in which they came, also those who are not welcomed yet
	others []other    // guarded by mu: those on other nodes, while there are people
	began  int64      // guarded by mu: when the first of people came, see other.Since
}

// enter gives a visitor a name and a seat, which are its own until it leaves. It fails if the room is full.
//
// A page may come back before the server notices that its old connection is dead. Then it takes over that connection's
// place. The old connection is cut, and the others are told nothing. Only the page has the key that its "from" is made
// of, so nobody else can do that.
func (r *room) enter(v *visitor, name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	v.asked = name
	if i := slices.IndexFunc(r.people, func(p *visitor) bool { return p.from == v.from }); i >= 0 {
		old := r.people[i]
		old.conn.Abort()
		if old.asked == name {
			v.person, v.known, v.since = old.person, old.known, old.since
			r.people[i] = v
			return true
		}
		r.remove(old)
	}
	if len(r.people) >= maxPeople {
		return false
	}
	v.person = person{Name: uniqueName(name, r.has), Seat: r.freeSeat()}
	if len(r.people) == 0 {
		r.others, r.began = nil, time.Now().UnixNano() // others are not known before
	}
	r.people = append(r.people, v)
	return true
}

// welcome welcomes a visitor that is subscribed to the room's lines, and tells the others.
func (r *room) welcome(v *visitor, e event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.people, v) {
		return // another connection has taken over its place
	}
	r.look() // no change is reported of people whom this node knew of before it had anybody here
	if _, err := r.rooms.local.Subscribe(v.conn, r.topic); err != nil {
		return // it is closed
	}
	isNew := !v.known
	if v.here, v.known = true, true; isNew {
		v.since = time.Now().UnixNano()
	}
	e.Type, e.Name, e.Seat, e.From, e.Node = "welcome", v.person.Name, v.person.Seat, v.from, r.rooms.node
	for _, p := range r.people {
		if p.known {
			e.People = append(e.People, p.person)
		}
	}
	for _, o := range r.others {
		e.People = append(e.People, o.person)
	}
	me := other{person{v.person.Name, v.person.Seat, r.rooms.node}, r.rooms.process, v.since}
	if b, err := json.Marshal(me); err == nil {
		_ = r.rooms.Topics.SetPresence(v.conn, r.topic, string(b))
	}
	_ = v.conn.SendMessage(e.message()) // before the lines: those come with the loop's turn
	if isNew {
		_, _ = r.rooms.local.PublishExcept(r.topic, v.conn, event{Type: "joined", Name: v.person.Name, Seat: v.person.Seat}.message())
	}
}

// leave takes a visitor out of the room and tells the others, unless another connection has taken over its place.
func (r *room) leave(v *visitor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.people, v) {
		r.remove(v)
	}
}

// remove is leave for a visitor that is there. mu is held.
func (r *room) remove(v *visitor) {
	i := slices.Index(r.people, v)
	r.people = slices.Delete(r.people, i, i+1)
	if v.known {
		_, _ = r.rooms.local.Publish(r.topic, event{Type: "left", Name: v.person.Name}.message())
	}
}

// look reads who is in the room on other nodes, and tells the pages what has changed. Whoever was there before
// this node began with the room has not joined now. mu is held.
func (r *room) look() {
	var others []other
	for _, text := range r.rooms.Topics.Census(r.topic).Values {
		var o other
		if json.Unmarshal([]byte(text), &o) == nil && o.Process != r.rooms.process && !slices.Contains(others, o) {
			others = append(others, o) // once, also while the old connection of a page that is back is not closed yet
		}
	}
	tell := func(what string, o other) {
		_, _ = r.rooms.local.Publish(r.topic, event{Type: what, Name: o.Name, Seat: o.Seat, Node: o.Node}.message())
	}
	for _, o := range r.others {
		if !slices.Contains(others, o) {
			tell("left", o)
		}
	}
	for _, o := range others {
		switch {
		case slices.Contains(r.others, o):
		case o.Since < r.began:
			tell("here", o)
		default:
			tell("joined", o)
		}
	}
	r.others = others
}

// say publishes a line of a visitor's.
func (r *room) say(v *visitor, text string, number uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := event{
		Type: "said", Name: v.person.Name, Seat: v.person.Seat, Node: r.rooms.node, Text: text,
		From: v.from, Number: number, At: time.Now().UnixMilli(),
	}
	_, err := r.rooms.Topics.Publish(r.topic, line.message())
	return err
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
