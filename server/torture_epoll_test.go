//go:build faults && linux && !kqueue

package server

import "github.com/framerail/framerail/internal/inject"

// elsewhere are the calls of the poller that is not in this build.
var elsewhere = []inject.Site{inject.Queue, inject.FilterAdd, inject.FilterDelete, inject.FilterWait}
