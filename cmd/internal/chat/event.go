package chat

import (
	"encoding/json"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/topics"
)

// request is every message of a page.
type request struct {
	Type   string          `json:"type"`
	Room   string          `json:"room"`
	Name   string          `json:"name"`
	Key    string          `json:"key"`   // known to the page alone
	Since  topics.Position `json:"since"` // of the last line that the page has
	Text   string          `json:"text"`
	Number uint64          `json:"number"` // of what the page says, from 1
	Before topics.Position `json:"before"` // of the first line that the page has
}

// event is every message to a page.
type event struct {
	Type     string            `json:"type"`
	Name     string            `json:"name,omitempty"`
	Seat     int               `json:"seat,omitempty"`
	Node     string            `json:"node,omitempty"` // where the person is, or the page, or where a line was said
	Text     string            `json:"text,omitempty"`
	From     string            `json:"from,omitempty"` // who a page is, told by no name
	Number   uint64            `json:"number,omitempty"`
	At       int64             `json:"at,omitempty"` // when it was said, in Unix milliseconds
	People   []person          `json:"people,omitempty"`
	Position topics.Position   `json:"position,omitzero"`
	Lines    []json.RawMessage `json:"lines,omitempty"` // said before
	Older    bool              `json:"older,omitempty"` // there are lines before these
	Gap      bool              `json:"gap,omitempty"`   // some lines are missing
}

// person is a visitor as pages know one. No two on a node have the same name and room, nor the
// same seat, from which pages make a colour.
type person struct {
	Name string `json:"name"`
	Seat int    `json:"seat"`
	Node string `json:"node,omitempty"` // "": the page's own
}

// other is a person as other nodes are told of one.
type other struct {
	person
	Process string `json:"process"`
	Since   int64  `json:"since"` // nanoseconds since 1970, by the node's clock
}

func (e event) message() conn.Message {
	line, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return conn.Message{Type: conn.Text, Valid: true, Payload: line}
}
