// Package missing says what a test does that lacks a program, or a machine, which it needs.
package missing

import (
	"os"
	"testing"
)

// End skips the test. Where the environment variable CI is set, to anything, the test fails instead: a machine of CI
// has all that tests need.
func End(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(format+" (CI is set)", args...)
	}
	t.Skipf(format, args...)
}
