//go:build race

package peers

const underRaceDetector = true
