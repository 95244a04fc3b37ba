// Package mask XORs WebSocket payloads with their masking key (RFC 6455 5.3).
//
// It knows nothing else: no frames, no sockets. Masking and unmasking are the
// same operation, done in place:
//
//	k := mask.KeyFromBytes([4]byte(frame[2:6]))
//	mask.XOR(frame[6:], k)
//
// A payload that comes in pieces is unmasked piece by piece, with the key
// rotated by what went before:
//
//	mask.XOR(first, k)
//	mask.XOR(second, k.Rotate(len(first)))
//
// # Memory
//
// Nothing is allocated. No byte outside the slice is read or written, however
// short it is.
//
// # Concurrency
//
// All functions are pure but for the slice they are given: safe from any
// goroutine that owns that slice.
package mask
