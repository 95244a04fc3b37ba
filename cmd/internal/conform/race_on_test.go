//go:build race

package conform

// raceEnabled: the race detector makes inflating and single bytes ten times as slow.
const raceEnabled = true
