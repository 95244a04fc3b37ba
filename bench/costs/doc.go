// Package costs holds framerail to what it costs, in figures that do not depend on the
// machine's mood. They are system calls for each message, bytes for each connection, and
// instructions for each operation. Allocations are in package allocs. Each figure stands beside its tolerance.
package costs
