//go:build !portable

package platform

const relayAll = false
