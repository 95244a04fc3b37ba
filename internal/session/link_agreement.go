package session

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
)

// agreement is what this connection has agreed on.
func (c *link) agreement() agreement { return agreement(c.state.Load() &^ stateBits) }

// Deflate tells whether the connection has agreed on permessage-deflate, and on which
// parameters (RFC 7692 7.1). Windows of 15 bits are given as 15, whether they were named
// or not.
func (c *link) Deflate() (p deflate.Params, ok bool) {
	a := c.agreement()
	if !a.deflate() {
		return deflate.Params{}, false
	}
	if c.role() == frame.Client {
		return deflate.Params{
			ServerNoContextTakeover: !a.peerTakeover(), ServerMaxWindowBits: a.peerWindow(),
			ClientNoContextTakeover: !a.takeover(), ClientMaxWindowBits: a.window(),
		}, true
	}
	return deflate.Params{
		ServerNoContextTakeover: !a.takeover(), ServerMaxWindowBits: a.window(),
		ClientNoContextTakeover: !a.peerTakeover(), ClientMaxWindowBits: a.peerWindow(),
	}, true
}

// Deflate is how connections that have agreed on permessage-deflate compress what they
// send (RFC 7692). What they agree on is the opening handshake's to say.
type Deflate struct {
	// Level is from 1, the fastest, to 9, the smallest result. Where a window of less
	// than 15 bits was agreed on there is one level only. 0: 1.
	Level int
	// Threshold is the size in bytes under which a message is sent as it is, since little
	// would be gained; so is one that compressing does not make smaller. 0: 256. Negative:
	// every message is sent compressed, empty ones and those that get longer by it too, but
	// for those that are to be left uncompressed.
	Threshold int
}

// ErrContextTakeover closes a connection whose peer refers in a compressed message to an
// earlier one, which the opening handshake has ruled out. Some clients do so that were
// answered with client_no_context_takeover and had not offered it.
var ErrContextTakeover = &frame.Error{Code: frame.InvalidFramePayloadData, Rule: "a compressed message refers to an earlier one in spite of no_context_takeover", Section: "RFC 7692 7.1.1"}

// The bits of Conn.state above the State: what was agreed on in the opening handshake,
// here because an idle connection should take no more memory for it.
const (
	stateBits = 0xff

	agreedDeflate   = 1 << 8
	agreedReset     = 1 << 9  // this side does not take its context over
	agreedPeerReset = 1 << 10 // the peer does not
	roleShift       = 11      // this side's role, which is set from the beginning
	// The windows of both directions, in bits.
	agreedWindow     = 12 // shift
	agreedPeerWindow = 16
	agreedMask       = 15
)

// agreement is what was agreed on, as in Conn.state.
type agreement uint32

func (a agreement) deflate() bool { return a&agreedDeflate != 0 }

func (a agreement) takeover() bool { return a&agreedReset == 0 }

func (a agreement) window() int { return int(a>>agreedWindow) & agreedMask }

func (a agreement) peerTakeover() bool { return a&agreedPeerReset == 0 }

func (a agreement) peerWindow() int { return int(a>>agreedPeerWindow) & agreedMask }

// agreed is the agreement that an endpoint of that role keeps.
func agreed(p *deflate.Params, role frame.Role) agreement {
	if p == nil {
		return 0
	}
	reset, window := p.ServerNoContextTakeover, p.ServerMaxWindowBits
	peerReset, peerWindow := p.ClientNoContextTakeover, p.ClientMaxWindowBits
	if role == frame.Client {
		reset, window, peerReset, peerWindow = peerReset, peerWindow, reset, window
	}
	orDefault(&window, deflate.MaxWindowBits)
	orDefault(&peerWindow, deflate.MaxWindowBits)
	a := agreement(agreedDeflate | window<<agreedWindow | peerWindow<<agreedPeerWindow)
	if reset {
		a |= agreedReset
	}
	if peerReset {
		a |= agreedPeerReset
	}
	return a
}
