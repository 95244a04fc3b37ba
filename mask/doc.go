// Package mask XORs WebSocket payloads with their masking key (RFC 6455 5.3).
//
// Masking and unmasking are the same operation, done in place:
//
//	k := mask.KeyFromBytes([4]byte(frame[2:6]))
//	mask.XOR(frame[6:], k)
//
// A payload may come in pieces. Rotate the key by the bytes that went before:
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
// All functions are safe from any goroutine that owns the slice it passes.
package mask
