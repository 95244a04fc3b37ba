package callbacks

import (
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/session"
)

// Traffic is a machine's counter of one direction, as programs see it.
func Traffic(t *session.Traffic) conn.Traffic {
	f := t.Frames
	return conn.Traffic{
		Messages: t.Messages, Bytes: t.Bytes,
		DataFrames: f.Data, CloseFrames: f.Close, Pings: f.Ping, Pongs: f.Pong,
	}
}

// Closes are the ways in which connections closed, as programs see them.
func Closes(c *session.CloseCounts) map[conn.CloseKind]uint64 {
	m := make(map[conn.CloseKind]uint64)
	for kind, n := range c.All() {
		m[conn.CloseKind{By: conn.Side(kind.By), Code: kind.Code}] = n
	}
	return m
}
