package chat

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/topics"
)

const (
	// maxMessageSize is the longest message of a page, in bytes: maxText characters, escaped, fit
	// with room to spare.
	maxMessageSize = 16 << 10

	// maxText is the longest line, in characters (code points). The page counts
	// UTF-16 units, of which there are never fewer.
	maxText = 2000

	// maxPeople bounds the work of a line: it is sent to each of them.
	maxPeople = 200

	// maxRooms bounds the memory of what rooms keep.
	maxRooms = 256

	// pageOfLines is how many lines a page gets at once.
	pageOfLines = 50

	// prefix is what topics of rooms begin with.
	prefix = "rooms."

	// keptAge is how long lines are kept, and rooms that nobody is in.
	keptAge = time.Hour
)

// kept is what a room keeps. It fits into what may wait for a slow page.
var kept = topics.History{Messages: 200, Bytes: 256 << 10, Age: keptAge, Presence: true}

// Rooms are the rooms of one node. Make them by New.
type Rooms struct {
	// Topics carries the lines. Its Broker may be set, before the server starts.
	Topics topics.Topics

	node    string
	process string        // differs for each
	local   topics.Topics // carries who comes and goes, to the pages of this node

	mu    sync.Mutex
	rooms map[string]*room // guarded by mu
}

// New returns rooms without anybody in them, on a node of that name.
func New(node string) *Rooms {
	rs := &Rooms{node: node, process: rand.Text(), rooms: make(map[string]*room)}
	rs.Topics.History = func(string) topics.History { return kept }
	rs.Topics.Stamp = stamp
	rs.Topics.OnChange = rs.changed
	rs.Topics.OnGap = func(c *conn.Conn, _ string, at topics.Position) {
		_ = c.SendMessage(event{Type: "gap", Position: at}.message())
	}
	return rs
}

// Server returns a server of the page and of the rooms.
func (rs *Rooms) Server(log *slog.Logger) *server.Server {
	return &server.Server{
		Path:    SocketPath,
		Handler: Page(),
		// A page that has missed an event would show a room that does not exist. It comes back.
		Overflow:     conn.OverflowClose,
		Limits:       server.Limits{Limits: conn.Limits{MaxMessageSize: maxMessageSize}},
		Logger:       log,
		OnConnection: func(c *conn.Conn) { c.SetValue(&visitor{rooms: rs, conn: c}) },
		OnMessage: func(c *conn.Conn, m conn.Message) {
			if m.Type != conn.Text {
				_ = c.Close(frame.UnsupportedData, "the chat is text")
				return
			}
			c.Value().(*visitor).receive(m.Payload)
		},
		OnClose: func(c *conn.Conn, _ conn.CloseInfo) { c.Value().(*visitor).leave() },
	}
}

var roomName = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)

// roomRule is what isRoom checks, in the words shown to people.
const roomRule = "A room's name has 1 to 32 of the characters a to z, 0 to 9, - and _."

// isRoom reports whether there may be a room of that name. The socket's path is that of none.
func isRoom(name string) bool { return roomName.MatchString(name) && "/"+name != SocketPath }

// use returns the room of that name for one more visitor, who gives it back by done. It is nil
// if there are too many rooms.
func (rs *Rooms) use(name string) *room {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r := rs.rooms[name]
	if r == nil {
		now := time.Now()
		for other, r := range rs.rooms {
			if len(rs.rooms) >= maxRooms && r.users == 0 && now.Sub(r.left) > keptAge {
				delete(rs.rooms, other)
			}
		}
		if len(rs.rooms) >= maxRooms {
			return nil
		}
		r = &room{rooms: rs, topic: prefix + name}
		rs.rooms[name] = r
	}
	r.users++
	return r
}

// done gives a room back.
func (rs *Rooms) done(r *room) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r.users--
	r.left = time.Now()
}

// lines returns the last lines of a topic before a position, so many at most, and whether there are more.
func (rs *Rooms) lines(topic string, before topics.Position, most int) (lines []json.RawMessage, more bool) {
	all, err := rs.Topics.Kept(topic, before, most+1)
	if err != nil {
		return nil, false
	}
	for _, m := range all {
		lines = append(lines, m.Payload)
	}
	if more = len(lines) > most; more {
		lines = lines[1:]
	}
	return lines, more
}

// subscribe has a visitor get the lines of its room from since on, or else the last ones and what
// comes, and has it welcomed before. gap: some lines are missing behind those that it has. Then it gets all that are kept, because a
// page scrolls back to what lies before its first line only.
func (rs *Rooms) subscribe(v *visitor, since topics.Position, gap bool) {
	err := rs.Topics.SubscribeSince(v.conn, v.room.topic, since, func(at topics.Position, err error) {
		switch {
		case err == nil && since == (topics.Position{}):
			most := pageOfLines
			if gap {
				most = kept.Messages
			}
			lines, more := rs.lines(v.room.topic, at, most)
			v.room.welcome(v, event{Position: at, Lines: lines, Older: more, Gap: gap})
		case err == nil:
			v.room.welcome(v, event{Position: at})
		case since != (topics.Position{}):
			rs.subscribe(v, topics.Position{}, true)
		default:
			v.turnAway()
		}
	})
	if err != nil {
		v.turnAway()
	}
}

// stamp adds its position to a line.
func stamp(_ string, at topics.Position, line conn.Message) conn.Message {
	line.Payload = fmt.Appendf(nil, `%s,"position":"%v"}`, bytes.TrimSuffix(line.Payload, []byte("}")), at)
	return line
}

// changed has a room look at who is in it on other nodes, if that has changed.
func (rs *Rooms) changed(c topics.Change) {
	if len(c.Joined)+len(c.Left)+len(c.Changed) > 0 {
		return
	}
	rs.mu.Lock()
	r := rs.rooms[strings.TrimPrefix(c.Topic, prefix)]
	rs.mu.Unlock()
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.look()
}
