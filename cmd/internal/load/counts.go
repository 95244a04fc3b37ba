package load

import (
	"errors"
	"fmt"
	"net"
	"sort"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// Counts is what has happened.
type Counts struct {
	Opened  int64 `json:"opened"`  // connections
	Refused int64 `json:"refused"` // dials that failed
	Closed  int64 `json:"closed"`  // connections that ended before the run did
	Unclean int64 `json:"unclean"` // closing handshakes at the end that the server did not finish

	Sent          int64 `json:"sent"`
	Received      int64 `json:"received"`
	SentBytes     int64 `json:"sent_bytes"`
	ReceivedBytes int64 `json:"received_bytes"`
	Answered      int64 `json:"answered"` // messages that came as they had to, echoes or deliveries

	Lost     int64 `json:"lost"`     // messages that never came
	Corrupt  int64 `json:"corrupt"`  // that came with another type, length, sequence or checksum
	Repeated int64 `json:"repeated"` // that came a second time, or after later ones
	Unasked  int64 `json:"unasked"`  // that nothing had asked for
	Unsent   int64 `json:"unsent"`   // messages that were due and could not be sent
}

// add adds more.
func (c *Counts) add(more *Counts) {
	c.Opened += more.Opened
	c.Refused += more.Refused
	c.Closed += more.Closed
	c.Unclean += more.Unclean
	c.Sent += more.Sent
	c.Received += more.Received
	c.SentBytes += more.SentBytes
	c.ReceivedBytes += more.ReceivedBytes
	c.Answered += more.Answered
	c.Lost += more.Lost
	c.Corrupt += more.Corrupt
	c.Repeated += more.Repeated
	c.Unasked += more.Unasked
	c.Unsent += more.Unsent
}

// Errors is how many things went wrong.
func (c *Counts) Errors() int64 {
	return c.Refused + c.Closed + c.Unclean + c.Lost + c.Corrupt + c.Repeated + c.Unasked + c.Unsent
}

// Fault is one kind of error of connections.
type Fault struct {
	What  string `json:"what"`
	Count int64  `json:"count"`
}

// mostFaults bounds the kinds of errors that are told apart.
const mostFaults = 32

// faults counts errors by kind.
type faults map[string]int64

func (f faults) add(what string) {
	if _, known := f[what]; !known && len(f) >= mostFaults {
		what = "others"
	}
	f[what]++
}

// list is the faults, most frequent first.
func (f faults) list() []Fault {
	out := make([]Fault, 0, len(f))
	for what, n := range f {
		out = append(out, Fault{what, n})
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Count != out[j].Count {
			return out[i].Count > out[j].Count
		}
		return out[i].What < out[j].What
	})
	return out
}

// kind is an error without what differs from one connection to the next, such as ports.
func kind(err error) string {
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Err != nil {
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}

// ending tells how a connection ended.
func ending(info conn.CloseInfo) string {
	switch {
	case info.Received != 0 && info.Received != frame.AbnormalClosure && info.By == conn.Peer:
		return fmt.Sprintf("the server closed with %d %s", info.Received, info.Reason)
	case info.Err != nil:
		return "the connection ended: " + kind(info.Err)
	}
	return "the connection ended: " + info.String()
}
