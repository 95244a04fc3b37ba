package conform

import (
	"net/url"
	"time"
)

// Session is one case being played: the connection, what came over it and the
// wire log. It belongs to the goroutine that runs the case.
type Session struct {
	url    *url.URL
	began  time.Time
	result Result
}
