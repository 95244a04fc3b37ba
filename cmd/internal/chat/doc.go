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
// A visitor joins once. The name in the welcome may differ from the name in the join,
// because no two people in the room share a name. They do not share a seat either: a number
// from 0, of which the page makes a colour. A missing "seat" in "joined" is 0. "at" is the
// room's clock in milliseconds since 1970. Any other message from the page closes the
// connection with 1008 (PolicyViolation).
//
// # Concurrency
//
// A Room and its Visitors may be used from any goroutine. Everybody present
// gets the same events in the same order.
//
// # Limits
//
// A name has at most 24 characters, a message 2,000, and a room 200 people. Messages are
// not stored.
package chat
