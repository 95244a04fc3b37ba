package server

import (
	"errors"

	"github.com/framerail/framerail/internal/loop"
)

// errLifetime is why the context of a Handler's request ends whose connection has lived for
// long enough.
var errLifetime = errors.New("framerail: " + loop.LifetimeReason)
