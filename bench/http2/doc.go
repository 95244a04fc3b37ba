// Package http2 tests WebSockets over HTTP/2 (RFC 8441): Upgrade in handlers of net/http, with the client of
// golang.org/x/net/http2. net/http's own client refuses the field :protocol.
//
// From Go 1.27 on that client is net/http's, unless it is built with the tag http2legacy.
//
// The server is a process of its own, because net/http reads GODEBUG when a program starts.
package http2
