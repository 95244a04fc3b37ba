// Package interop holds tests of framerail's server with clients that other
// people wrote: gorilla, coder, gws and gobwas in Go, ws of npm under node, websockets of
// Python, curl, and a client of raw frames for what those are too polite to do. Each runs
// against callbacks on the loop, callbacks on goroutines, and streamed messages, and all but
// the last over TLS.
package interop
