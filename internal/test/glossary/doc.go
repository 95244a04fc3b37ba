// Package glossary has nothing but tests. They check that identifiers and file names use
// the terms of RFC 6455, TLS, net/http and the field, and no word of our own.
package glossary
