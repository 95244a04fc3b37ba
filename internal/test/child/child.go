// Package child has the programs that a test starts end with the test's process.
package child
