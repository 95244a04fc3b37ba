//go:build race

package client_test

// herdSize is how many clients a server has that restarts. The race detector bears 8,128 goroutines.
const herdSize = 1000
