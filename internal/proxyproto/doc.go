// Package proxyproto reads the header of the PROXY protocol, versions 1 and 2. With it a
// proxy names the client whose connection it passes on. The specification is HAProxy's
// proxy-protocol.txt. The package is pure: no socket, no clock.
//
// The caller must know whether there is a header. The specification forbids to guess,
// because a client could then claim any address.
package proxyproto
