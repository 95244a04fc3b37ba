package loop

// Command is what a loop is to do with its tenants; a later one outranks an earlier one.
type Command uint8

const (
	// Serve is the command at first.
	Serve Command = iota
	// Drain has open connections closed with 1001, and those that come late.
	Drain
	// Abort has all cut.
	Abort
)

// commands are the one that a loop carries out, and how far. Owned by the loop.
type commands struct {
	now     Command
	applied Command // to every tenant
	cause   error   // of cutting connections, for their close callbacks
}

// Applied is the command that was applied to every tenant: one that comes, or opens, later is
// to have it applied by itself.
func (l *Loop) Applied() Command { return l.commands.applied }

// Apply carries out on one tenant what the others were commanded.
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
	l.Each(func(t *Tenant) { l.applyTo(t, c) })
	l.commands.applied = c
	l.current = nil
}
