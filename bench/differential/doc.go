// Package differential gives the same bytes of a client to framerail and to the readers of
// other libraries' servers. It compares the messages, the control frames, and whether the
// connection was cut, closed or refused. The table in classes_test.go explains differences
// with a section of RFC 6455. The tests fail at any other difference.
//
//	go test ./bench/differential
//	go test -run '^$' -fuzz FuzzReaders -fuzztime 60s ./bench/differential
package differential
