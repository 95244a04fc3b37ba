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
// [XORASCII] also tells whether the payload is ASCII, and [Copy] masks it on its way to another
// buffer.
//
// # Speed
//
// Payloads below 96 bytes are masked a word of 64 bits at a time, and those that XORASCII gets
// below 64. From there on vectors take over: 32 bytes at a time with AVX2 on amd64, 16 with
// NEON on arm64. This is assembly, which runs if [golang.org/x/sys/cpu] finds the instructions. Words do all of it without them, on
// other architectures, and in builds with the tag purego, asan or msan.
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
