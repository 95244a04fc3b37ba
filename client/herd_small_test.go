//go:build race || owned || poison || portable

package client_test

// herdSize is how many clients a server has that restarts: fewer where each step is checked. The race
// detector bears 8,128 goroutines.
const herdSize = 1000
