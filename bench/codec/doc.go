// Package codec has benchmarks of reading messages. Their bytes are in memory, and no socket
// takes part.
package codec
