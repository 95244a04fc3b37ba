// Package api has nothing but tests. They hold what programs see of this module: how many
// names each public package exports, which ones, and what a program cannot do with them.
//
// The folder api at the root of the repository has a file for each public package, with
// its exported declarations one a line. After a change of the public face, write them anew
// and review the difference:
//
//	go test ./internal/test/api -update
package api
