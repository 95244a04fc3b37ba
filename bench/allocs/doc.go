// Package allocs counts the allocations of a server for each message that it echoes, or publishes to a topic. Its
// clients run in the same process but allocate nothing. So the count of the whole process
// is the server's: loop, parser, callback and send.
package allocs
