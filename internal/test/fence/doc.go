// Package fence lends tests memory with pages around it that nothing may read or write. Code
// that leaves its slice by a byte ends the program there.
package fence
