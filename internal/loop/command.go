package loop

import "github.com/framerail/framerail/frame"

// Command is what a loop is to do with all its tenants. Of two commands the larger one counts.
type Command uint8

const (
	// Serve is the command at first.
	Serve Command = iota
	// Drain closes open connections, and those that open later: see Draining.
	Drain
	// Abort cuts all connections.
	Abort
)

// commands has a loop's command, and how far the loop is with it. Owned by the loop.
type commands struct {
	now     Command
	applied Command         // to every tenant
	cause   error           // of cutting connections, for their close callbacks
	code    frame.CloseCode // of a drain
}

// Applied is the command that was applied to every tenant. Call Apply for a tenant that comes, or
// opens, later.
func (l *Loop) Applied() Command { return l.commands.applied }

// Apply applies the command to one tenant that was applied to the others.
func (l *Loop) Apply(t *Tenant) {
	if c := l.commands.applied; c != Serve {
		l.applyTo(t, c)
	}
}

func (l *Loop) applyTo(t *Tenant, c Command) {
	l.current = t
	l.Row(t).Commanded(t, c)
}

// apply carries out a command.
func (l *Loop) apply(c Command) {
	l.commands.now = c
	if c == Drain {
		l.beginDrain()
	}
	l.Each(func(t *Tenant) { l.applyTo(t, c) })
	l.commands.applied = c
	l.current = nil
}
