// Package middleware holds Upgrade to what middleware for net/http, made by others, does with
// requests and answers. It has tests alone.
package middleware
