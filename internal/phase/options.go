package phase

import (
	"log/slog"
	"time"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/memory"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/session"
)

// Options are what an owner's tables go by, the same on all of its loops. They do not change
// once the loops serve.
type Options struct {
	Policy
	Session *session.Config // of the connections once they are open, with defaults filled in

	Platform platform.Platform
	Gate     *gate.Gate // counts the connections
	Budget   *memory.Budget
	Logger   *slog.Logger

	// New makes the owner's value for a connection. The Tenant is the value's first field.
	New func() *Tenant

	Judge    Judge
	Handover Handover // nil: every request is for the Judge
	Proxies  Proxies
	Sessions Sessions
	Report   Report
	Work     Work
}

// Policy is what clients may use before their connection is open.
type Policy struct {
	HandshakeTimeout time.Duration // from the accepted connection to the end of its request
	TLSAtOnce        int           // TLS handshakes of one loop that have a goroutine
	Head             handshake.Limits

	ChecksOnGoroutines bool
	ChecksAtOnce       int           // checks of one loop that have a goroutine
	CheckTimeout       time.Duration // for each of these
}
