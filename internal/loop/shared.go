package loop

import "github.com/framerail/framerail/internal/platform"

// Shared are the loops of one owner, for others to have tenants on. From any goroutine.
type Shared struct{ All []*Loop }

// Cause is the error in CloseInfo of connections that are cut when the loops end.
func (s Shared) Cause() error { return s.All[0].options.Cause }

// System is the system that the loops run on.
func (s Shared) System() platform.Platform { return s.All[0].system }

// Adaptive reports whether callbacks that hold the loops lose them.
func (s Shared) Adaptive() bool { return s.All[0].options.Adaptive }
