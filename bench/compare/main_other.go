//go:build !linux

// Command compare measures framerail beside other WebSocket libraries. It reads
// /proc and pins processes to cores, and so works on linux only.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "compare: works on linux only")
	os.Exit(1)
}
