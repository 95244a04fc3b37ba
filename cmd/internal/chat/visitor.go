package chat

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/topics"
)

// visitor is one connection. Its methods run in the connection's callbacks, one after another.
type visitor struct {
	rooms *Rooms
	conn  *conn.Conn

	room   *room  // nil until it asks for one
	here   bool   // it has been welcomed
	from   string // see event.From; set before others see the visitor, as the next two are
	asked  string // the name that it asked for
	person person

	known bool  // guarded by the room's mu: the others have been told of it
	since int64 // guarded by the room's mu: see other.Since
}

// receive takes one text message. Nothing of payload is kept.
func (v *visitor) receive(payload []byte) {
	var q request
	if err := json.Unmarshal(payload, &q); err != nil {
		_ = v.conn.Close(frame.PolicyViolation, "not a chat message")
		return
	}
	switch {
	case q.Type == "ping":
		_ = v.conn.SendMessage(event{Type: "pong"}.message())
	case q.Type == "join" && v.room == nil:
		v.join(q)
	case q.Type == "say" && v.here:
		v.say(strings.TrimSpace(q.Text), q.Number)
	case q.Type == "older" && v.here:
		v.older(q.Before)
	default:
		_ = v.conn.Close(frame.PolicyViolation, "join first, once, then say")
	}
}

func (v *visitor) join(q request) {
	name, ok := cleanName(q.Name)
	switch {
	case !ok:
		v.refuse(nameRule, 0)
		return
	case !isRoom(q.Room):
		v.refuse(roomRule, 0)
		return
	}
	if q.Key == "" {
		q.Key = rand.Text()
	}
	sum := sha256.Sum256([]byte(q.Key))
	v.from = base64.RawURLEncoding.EncodeToString(sum[:12])
	r := v.rooms.use(q.Room)
	if r == nil {
		v.refuse("There are too many rooms. Please try again later.", 0)
		return
	}
	if !r.enter(v, name) {
		v.rooms.done(r)
		v.refuse("The room is full. Please try again later.", 0)
		return
	}
	v.room = r
	v.rooms.subscribe(v, q.Since, false)
}

// turnAway closes the connection of a visitor that cannot be subscribed.
func (v *visitor) turnAway() { _ = v.conn.Close(frame.InternalError, "no place in the room") }

// leave is for the end of the connection.
func (v *visitor) leave() {
	if v.room != nil {
		v.room.leave(v)
		v.rooms.done(v.room)
	}
}

func (v *visitor) say(text string, number uint64) {
	switch {
	case text == "": // an answer, or the page would say it again for ever
		v.refuse("There is nothing in that message.", number)
	case utf8.RuneCountInString(text) > maxText:
		v.refuse("That message is too long.", number)
	default:
		if err := v.room.say(v, text, number); err != nil {
			v.refuse("The server is too busy. Please say that again.", number)
		}
	}
}

// older sends the lines before the first one that the page has.
func (v *visitor) older(first topics.Position) {
	e := event{Type: "older"}
	if first.Epoch > 0 && first.Offset > 0 {
		e.Lines, e.Older = v.rooms.lines(v.room.topic, topics.Position{Epoch: first.Epoch, Offset: first.Offset - 1}, pageOfLines)
	}
	_ = v.conn.SendMessage(e.message())
}

func (v *visitor) refuse(why string, number uint64) {
	_ = v.conn.SendMessage(event{Type: "refused", Text: why, Number: number}.message())
}
