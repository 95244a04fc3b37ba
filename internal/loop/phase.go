package loop

import (
	"slices"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/poller"
)

// Phase is a row of an owner's table. Each tenant is in one phase. Open is the loop's own. The others,
// from 1 on, are the owner's.
type Phase uint8

// Open is the phase of a connection whose opening handshake is done. Its Driver does the rest.
const Open Phase = 0

// Row is what a loop does in one phase. All methods are called on the loop's goroutine, with
// the tenant as the current one.
type Row interface {
	// Ready reacts to the readiness of the transport.
	Ready(t *Tenant, ready poller.Interest)
	// Late reacts to the tenant's timer, which may fire before the time is over.
	Late(t *Tenant)
	// Commanded carries out a command to drain or to abort.
	Commanded(t *Tenant, c Command)
	// Broken ends the tenant: code of the program's has ended the loop's goroutine while it
	// was called for this tenant.
	Broken(t *Tenant)
	// Short ends the tenant because of the memory that it holds or asks for.
	Short(t *Tenant)
	// Step is the unit of the phase's moments, see StepOf.
	Step(t *Tenant) time.Duration
}

// Owner is a server or a client that has tenants on the loop.
type Owner interface {
	// Opened is called when the Open callback has returned. On the callback's goroutine.
	Opened(t *Tenant)
	// Closed is called when an open connection is closed. Forgotten and the close of the transport
	// come right after it. On the loop.
	Closed(t *Tenant)
	// Ended is called when the Close callback has returned. On the callback's goroutine.
	Ended(t *Tenant)
	// Forgotten is called when the loop has done with the tenant, in whatever phase. On the loop.
	Forgotten(t *Tenant)
}

// OwnerID is an owner's number on a loop.
type OwnerID uint8

type owned struct {
	Owner
	*Account
	rows [1 << phaseBits]Row
}

// Register enters an owner, on the loop or before it serves. config is for its tenants once they are
// open, with its defaults filled in. rows[0] is for the loop to fill in. There is room for an owner: see
// HasRoom.
func (l *Loop) Register(o Owner, config *session.Config, rows []Row) OwnerID {
	own := &owned{Owner: o, Account: &Account{loop: l, policy: session.NewPolicy(config)}}
	id := slices.Index(l.owners.at[:], nil)
	if copy(own.rows[:], rows) < len(rows) || id < 0 {
		panic("framerail: too many phases or owners")
	}
	own.rows[Open] = openRow{l}
	l.owners.at[id] = own
	l.accounts = append(l.accounts, own.Account)
	return OwnerID(id)
}

// owners are those of a loop's tenants, by number. A number changes its owner only on the loop, and only
// while there is no tenant that has it. So any goroutine may look up the owner of a tenant.
type owners struct {
	at       [ownersMax]*owned
	accounts []*Account // of those there are: each turn passes them. Owned by the loop
}

func (os *owners) owner(t *Tenant) *owned { return os.at[t.place>>phaseBits] }

// Row is what the loop does with a tenant in its phase.
func (os *owners) Row(t *Tenant) Row { return os.owner(t).rows[t.Phase()] }

// HasRoom reports whether another owner may be entered. On the loop.
func (os *owners) HasRoom() bool { return slices.Contains(os.at[:], nil) }

// Unregister ends an owner whose tenants are gone, and whose Close callbacks have all returned. Its
// account stays. On the loop.
func (os *owners) Unregister(id OwnerID) {
	a := os.at[id].Account
	a.settle()
	os.at[id] = nil
	os.accounts = slices.DeleteFunc(os.accounts, func(other *Account) bool { return other == a })
}

// openRow is the phase of a connection whose opening handshake is done.
type openRow struct{ *Loop }

func (l openRow) Ready(t *Tenant, ready poller.Interest) { readyOpen(t, ready) }

// readyOpen handles the readiness of an open connection. Messages pass here, and not through the table.
func readyOpen(t *Tenant, ready poller.Interest) {
	if ready&poller.Write != 0 {
		t.Writable()
	}
	if ready&poller.Read != 0 && t.State() != session.Closed {
		t.Readable()
	}
}

func (l openRow) Late(t *Tenant) {
	t.Retime()
	l.checkLife(t)
	t.Expire()
}

func (l openRow) Commanded(t *Tenant, c Command) {
	if c == Drain {
		l.drain(t)
		return
	}
	l.owner(t).aborted.Add(1)
	t.Abort(l.commands.cause)
}

// Broken closes a connection whose callback has ended the loop's goroutine. The session has counted and
// logged that.
func (l openRow) Broken(t *Tenant) {
	_ = t.Close(frame.InternalError, "") // closing already: it goes on
	t.Attend()
}

func (l openRow) Short(t *Tenant) { t.Shed() }

func (l openRow) Step(t *Tenant) time.Duration { return StepOf(l.lifetime(t)) }
