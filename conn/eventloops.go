package conn

import "github.com/framerail/framerail/internal/session"

// EventLoops are the event loops of a server, for a Client of the same process. They come from
// Server.EventLoops, and go to Client.EventLoops. The zero value is none.
type EventLoops session.Loops
