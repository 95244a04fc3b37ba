// Package middleware has only tests. They run Upgrade behind other people's middleware for
// net/http.
package middleware
