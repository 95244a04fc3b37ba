// Package conformance holds the servers of other libraries against "framerail
// conform", and says why each misses what it misses. It shows that the run can fail.
// Servers that compress are held against the cases about compression alone.
//
// The group of attacks is left out: those are for the server that one answers for.
package conformance
