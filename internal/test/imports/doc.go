// Package imports has nothing but tests. They check which package of this module may
// import which, and which other modules it may require.
package imports
