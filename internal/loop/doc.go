// Package loop is the engine: event loops, each a goroutine that owns its connections from
// the accepted socket to its close. It knows no server and no handshake. Servers and clients
// are the owners of its tenants, and bring a table of phases for what comes before a
// connection is open.
//
// # Ownership
//
// A Loop's methods are for its own goroutine, but for those that say "from any goroutine".
// Other goroutines reach a loop by its inbox: Deliver, Ask, Command, and what connections
// schedule.
//
// # What a feature may hang on
//
// A feature that spans loops, such as topics, needs no place of its own in the engine. It
// keeps an array of values, one for each loop by Number, of which each belongs to its loop's
// goroutine. Ask has a loop do something with its value in its next turn; many calls cost
// one wake-up.
package loop
