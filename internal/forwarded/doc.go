// Package forwarded finds the client behind proxies that speak HTTP, in the field that they
// write its address into: Forwarded (RFC 7239), or X-Forwarded-For and others like it.
//
// Each proxy appends whom it got the request from; what stands to the left of that it was
// sent, and anyone may have written it. So a field is read from its right end, for as long
// as those who wrote it are trusted: the last address they vouch for is the client's. What
// a client wrote is never looked at, and cannot change what is found, not even by an open
// quote.
package forwarded
