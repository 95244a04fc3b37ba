// Package proxyproto reads the header of the PROXY protocol, versions 1 and 2, by which a
// proxy tells a server whose connection it passes on (HAProxy's proxy-protocol.txt, in
// what follows "the specification"). It knows bytes alone: no socket, no clock.
//
// Whether there is a header is for the caller to know: the specification forbids to guess,
// since a client could then pass for anyone.
package proxyproto
