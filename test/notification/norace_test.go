//go:build !race

package notification

// raceDetector is true when it slows everything down.
const raceDetector = false
