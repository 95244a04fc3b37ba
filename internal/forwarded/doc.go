// Package forwarded finds the address of a client behind proxies that speak HTTP. The
// proxies write it into a field: Forwarded (RFC 7239), X-Forwarded-For, or another.
//
// Each proxy appends the address from which it got the request. Anyone may have written the
// elements to the left of that. So a field is read from its right end, as long as the
// address that sent an element is a trusted proxy's. The last address read so is the
// client's. Elements that a client wrote are never looked at, and cannot change the
// result, not even by an open quote.
package forwarded
