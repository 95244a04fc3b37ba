//go:build portable

package platform

// relayAll is set in builds with the tag portable, for tests: they serve as systems without a poller do.
const relayAll = true
