// Package race tells the race detector what assembly reads and writes, which it does not
// see by itself. In other builds its functions do nothing.
package race
