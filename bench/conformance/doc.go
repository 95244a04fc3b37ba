// Package conformance runs "framerail conform" against the servers of other libraries, and
// has the reason for each case that a server misses. So it shows that the run can fail.
// Servers that compress get only the cases about compression.
//
// The group of attacks is left out. It is meant for one's own server.
package conformance
