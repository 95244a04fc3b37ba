// Package api has nothing but tests. They check the public face of this module: how many
// names each public package exports, which ones, and which misuses do not compile.
//
// The folder api at the root of the repository has a file for each public package, with
// one exported declaration a line. After a change of the face, write the files again and
// review the difference:
//
//	go test ./internal/test/api -update
package api
