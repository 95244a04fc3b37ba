// Package allocs counts what a server allocates for each message it echoes. Its
// clients run in the same process but allocate nothing, so that the whole
// process's count is the server's: loop, parser, callback, send and all.
package allocs
