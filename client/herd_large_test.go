//go:build !race && !owned && !poison && !portable

package client_test

// herdSize is how many clients a server has that restarts.
const herdSize = 10_000
