// Package differential gives the same bytes of a client to the server-side readers
// of other libraries and to framerail, and compares what they made of them: the
// messages, the control frames, and whether the connection was cut, closed or
// refused. Its tests fail at any difference that the table in classes_test.go does
// not explain with a section of RFC 6455.
//
//	go test ./bench/differential
//	go test -run '^$' -fuzz FuzzReaders -fuzztime 60s ./bench/differential
package differential
