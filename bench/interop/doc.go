// Package interop tests framerail's server with clients that other people wrote: gorilla,
// coder, gws and gobwas in Go, npm's ws under node, Python's websockets, and curl. A client
// of raw frames sends input that those would not send.
//
// Each client runs against callbacks on the loop, callbacks on goroutines, and streamed
// messages. All except the client of raw frames run over TLS too.
package interop
