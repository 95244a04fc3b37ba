package chat

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/framerail/framerail/frame"
)

const (
	// MaxMessageSize is the longest message the room needs to receive, in
	// bytes: maxText characters, escaped, fit with room to spare.
	MaxMessageSize = 16 << 10

	// maxText is the longest line, in characters (code points). The page counts
	// UTF-16 units, of which there are never fewer.
	maxText = 2000

	// maxPeople bounds the work of a line: it is sent to each of them.
	maxPeople = 200
)

// Peer is the connection of one visitor, as a *conn.Conn is. The room calls it
// with its lock held, so neither method may block or call back into the room.
type Peer interface {
	SendText(s string) error
	Close(code frame.CloseCode, reason string) error
}

// Room is a chat room. The zero value is an empty room, ready to use. Its
// methods are safe from any goroutine.
type Room struct {
	mu     sync.Mutex
	people []*Visitor // those who have joined, in that order; guarded by mu
}

// Visitor is one connection to a Room. Its methods are safe from any goroutine.
type Visitor struct {
	room *Room
	peer Peer
	name string // "" until it has joined; guarded by room.mu
	seat int    // its number among those in the room; guarded by room.mu
}

// person is a visitor as pages know one. No two in the room have the same seat, from which
// pages make a colour.
type person struct {
	Name string `json:"name"`
	Seat int    `json:"seat"`
}

// event is every message of the room, in both directions.
type event struct {
	Type   string   `json:"type"`
	Name   string   `json:"name,omitempty"`
	Seat   int      `json:"seat,omitempty"` // of a person who joined
	Text   string   `json:"text,omitempty"`
	At     int64    `json:"at,omitempty"` // when it was said, in Unix milliseconds
	People []person `json:"people,omitempty"`
}

// Enter makes a visitor of a new connection. Nobody sees the visitor until its
// first message, "join", has given it a name.
func (r *Room) Enter(p Peer) *Visitor {
	return &Visitor{room: r, peer: p}
}

// Receive takes one text message of the visitor's. The room keeps nothing of
// payload.
func (v *Visitor) Receive(payload []byte) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		v.peer.Close(frame.PolicyViolation, "not a chat message")
		return
	}

	v.room.mu.Lock()
	defer v.room.mu.Unlock()
	switch {
	case e.Type == "join" && v.name == "":
		v.room.join(v, e.Name)
	case e.Type == "say" && v.name != "":
		v.room.say(v, e.Text)
	default:
		v.peer.Close(frame.PolicyViolation, "join first, once, then say")
	}
}

// Leave takes the visitor out of the room and tells the others. It is for the
// end of the connection; calling it again does nothing.
func (v *Visitor) Leave() {
	r := v.room
	r.mu.Lock()
	defer r.mu.Unlock()

	if i := slices.Index(r.people, v); i >= 0 {
		r.people = slices.Delete(r.people, i, i+1)
		r.tell(event{Type: "left", Name: v.name})
	}
}

// join needs r.mu held, as do the methods below.
func (r *Room) join(v *Visitor, wanted string) {
	name, ok := cleanName(wanted)
	switch {
	case !ok:
		v.send(event{Type: "refused", Text: nameRule})
		return
	case len(r.people) >= maxPeople:
		v.send(event{Type: "refused", Text: "The room is full. Please try again later."})
		return
	}

	v.name, v.seat = uniqueName(name, r.has), r.freeSeat()
	r.tell(event{Type: "joined", Name: v.name, Seat: v.seat})
	r.people = append(r.people, v)

	people := make([]person, len(r.people))
	for i, p := range r.people {
		people[i] = person{p.name, p.seat}
	}
	v.send(event{Type: "welcome", Name: v.name, People: people})
}

func (r *Room) say(v *Visitor, text string) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
	case utf8.RuneCountInString(text) > maxText:
		v.send(event{Type: "refused", Text: "That message is too long."})
	default:
		r.tell(event{Type: "said", Name: v.name, Text: text, At: time.Now().UnixMilli()})
	}
}

// freeSeat is the lowest that nobody has.
func (r *Room) freeSeat() int {
	taken := make([]bool, len(r.people)+1)
	for _, p := range r.people {
		if p.seat < len(taken) {
			taken[p.seat] = true
		}
	}
	return slices.Index(taken, false)
}

// has reports whether somebody has that name, in whatever case.
func (r *Room) has(name string) bool {
	return slices.ContainsFunc(r.people, func(v *Visitor) bool {
		return strings.EqualFold(v.name, name)
	})
}

// tell sends e to everybody in the room. Holding the lock while sending, which
// never blocks, is what gives everybody the same order.
func (r *Room) tell(e event) {
	line := e.encode()
	for _, v := range r.people {
		v.sendLine(line)
	}
}

func (v *Visitor) send(e event) { v.sendLine(e.encode()) }

// sendLine disconnects a visitor that cannot be told: a page that has missed an
// event would show a room that does not exist. It leaves the room when its
// connection has closed, the one way out there is.
func (v *Visitor) sendLine(line string) {
	if err := v.peer.SendText(line); err != nil {
		v.peer.Close(frame.TryAgainLater, "reading too slowly")
	}
}

func (e event) encode() string {
	line, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings and an integer always marshal
	}
	return string(line)
}
