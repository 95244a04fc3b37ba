package loop

// Shared are the loops of one owner, for others to have tenants on. From any goroutine.
type Shared struct{ All []*Loop }

// Cause is the error in CloseInfo of connections that are cut when the loops end.
func (s Shared) Cause() error { return s.All[0].options.Cause }

// Simulated reports whether the loops run on a simulated machine.
func (s Shared) Simulated() bool { return s.All[0].system.Simulated() }

// Adaptive reports whether callbacks that hold the loops lose them.
func (s Shared) Adaptive() bool { return s.All[0].options.Adaptive }
