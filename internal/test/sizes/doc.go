// Package sizes has nothing but tests. They hold the code of all modules to the size of
// what a reader has to keep in mind at once: a file, a function, a type.
package sizes
