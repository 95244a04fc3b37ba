// Package glossary has nothing but tests. They hold identifiers and the names of files to
// the field's terms: no word of our own where RFC 6455, TLS, net/http or the field have
// one.
package glossary
