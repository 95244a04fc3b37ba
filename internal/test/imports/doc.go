// Package imports has nothing but tests: they hold the packages of this module to
// the direction in which they may import one another, and the module to what it may
// require.
package imports
