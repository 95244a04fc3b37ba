// Package deflate is the permessage-deflate extension of RFC 7692 as pure
// functions and values over bytes: no socket, no clock, no goroutine. It
// negotiates the extension's parameters, for either role, and compresses and
// inflates the payloads of messages by what was agreed.
//
// [Params] is what two endpoints have agreed on.
package deflate
