// Package sizes has nothing but tests. They bound the size of each file, function and type
// of all modules, because a reader has to keep it in mind at once.
package sizes
