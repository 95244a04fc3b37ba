//go:build !linux

// Command reliability puts framerail under load, faults and attack. It reads
// /proc and makes peers vanish by means of Linux, and so works there only.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "reliability: works on linux only")
	os.Exit(1)
}
