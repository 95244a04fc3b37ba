package session

// Driver is a connection as the loop that owns it sees it: the methods by which events
// reach it. All are called on the loop's goroutine. The fields beside Conn are the loop's.
type Driver struct {
	Conn

	rx          *receiver
	id          int32
	heard       uint32 // the stamp of the peer's last sign of life or, once endTimed, of that
	messageDebt uint32 // see rate.go
	controlDebt uint16
	input       input
	interest    interest
	sent        uint8 // when the loop last sent something: see sentNow
	workDebt    uint8 // what compression took, in ms: see work.go
}

// input is what the loop does with bytes that arrive.
type input uint8

const (
	inputFrames  input = iota // parse them
	inputDiscard              // read and drop them: the connection has failed
	inputDone                 // read no more: the stream or the conversation has ended
)

// interest is which readiness of the transport the loop was last asked to tell.
type interest uint8

const (
	interestRead interest = 1 << iota
	interestWrite
	// interestUnread is kept with them, though no poller is asked: the transport may
	// have more at hand.
	interestUnread
	// endTimed and pinged are kept there, too: the close timeout is running, and a
	// heartbeat is out.
	endTimed
	pinged
)
