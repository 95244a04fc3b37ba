// Package chat is the room and the web page behind "framerail chat".
//
// The room speaks small JSON text messages, each an object with a "type":
//
//	from the page  {"type":"join","name":"Ada"}
//	               {"type":"say","text":"Hello"}
//
//	to the page    {"type":"welcome","name":"Ada","people":[{"name":"Bo","seat":1},{"name":"Ada","seat":0}]}
//	               {"type":"refused","text":"why"}
//	               {"type":"joined","name":"Cy","seat":2}
//	               {"type":"left","name":"Cy"}
//	               {"type":"said","name":"Ada","text":"Hello","at":1767225600000}
//
// A visitor joins once; the name in the welcome may differ from the one asked
// for, since no two people in the room share a name. Nor do they share a seat, of which
// the page makes a colour: a number from 0, which "joined" leaves out for 0. "at" is the room's clock
// in milliseconds since 1970. Anything else from the page closes the
// connection with 1008 (PolicyViolation).
//
// # Concurrency
//
// A Room and its Visitors may be used from any goroutine. Everybody present
// gets the same events in the same order.
//
// # Limits
//
// A name has at most 24 characters, a message 2,000, a room 200 people. Nothing
// is stored: what was said before someone joined is gone.
package chat
