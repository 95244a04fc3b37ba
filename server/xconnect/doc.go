// Package xconnect has HTTP/2 servers of net/http offer WebSockets to their clients (RFC 8441). Import it for that
// effect alone, in a program whose handlers call server.Upgrade:
//
//	import _ "github.com/framerail/framerail/server/xconnect"
//
// It has the same effect as to start the program with GODEBUG=http2xconnect=1 in its environment, and exports nothing.
// If the environment's GODEBUG says http2xconnect=0, or anything else of it, that stays.
//
// # How it works
//
// net/http and golang.org/x/net/http2 look for that setting in the environment once, when they are initialized. This package sets it
// before. It imports only package os. Go initializes packages that are ready in the order of their import
// paths (the language's specification, Package initialization), and this path comes before both. Processes that the program
// starts inherit the setting, which no other package knows.
//
// The directive //go:debug does not know the setting. os.Setenv in a package that imports net/http, such as main, comes too late.
//
// # Limits
//
// A fork whose module path comes after golang.org/x/net/http2 or net/http in the alphabet must set the environment instead.
package xconnect
