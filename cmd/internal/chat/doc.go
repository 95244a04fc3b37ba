// Package chat is the rooms and the web page behind "framerail chat", on one node or on many.
//
// A room is a topic that keeps its last lines, so a page that was cut off gets what it missed. Page
// and server send each other small JSON text messages. Each is an object with a "type":
//
//	from the page  {"type":"join","room":"lobby","name":"Ada","key":"a secret","since":"8a3f.17"}
//	               {"type":"say","text":"Hello","number":1}
//	               {"type":"older","before":"8a3f.12"}
//	               {"type":"ping"}
//
//	to the page    {"type":"welcome","name":"Ada","from":"5f…","node":"one","people":[{"name":"Bo","seat":1}, …],
//	                "position":"8a3f.17","lines":[…],"older":true,"gap":true}
//	               {"type":"refused","text":"why","number":1}
//	               {"type":"joined","name":"Cy","seat":2}
//	               {"type":"here","name":"Di","node":"two"}
//	               {"type":"left","name":"Cy"}
//	               {"type":"said","name":"Ada","node":"one","text":"Hello","from":"5f…","number":1,"at":1767225600000,"position":"8a3f.18"}
//	               {"type":"older","lines":[…],"older":false}
//	               {"type":"gap","position":"8a3f.19"}
//	               {"type":"pong"}
//
// # Joining
//
// A visitor joins once. The name in the welcome may differ from the name in the join, because no two
// people of a node share a name in a room. They do not share a seat either: a number from 0, of which
// the page makes a colour. A missing "seat" is 0. "node" is the name of a process: of the one that
// serves the page, or a person elsewhere, or of the one where a line was said.
// People elsewhere are "here" if they were there before. The nodes tell each other of their people, within about a second.
//
// # Coming back
//
// "position" is where a line, or the welcome, lies among the room's lines. A page that comes back
// gives the last position that it has seen as "since". It gets all lines behind that position, in order
// and once. If that cannot be had, the welcome has "gap", and all lines that are kept. A page without
// "since" gets the last of these. "older" says that there are more before them, which a page can ask for.
// A "gap" by itself says that the broker between the nodes has lost something, and where the
// page goes on.
//
// A page that is back before its old connection is closed takes over that connection's name and seat.
//
// A page numbers what it says. It says a line again, with its number, if its connection was cut before
// the line came back. First it sends a ping: the pong comes behind all lines that were missed. Pages leave out a second
// line with the same "from" and "number". A "from" is made of the
// page's key. No other page knows the key, so none can take the numbers, or the place. The time of a line, "at", is the
// node's clock in milliseconds since 1970.
//
// # Concurrency
//
// Rooms may be used from any goroutine. Everybody in a room of one node gets the same events in the
// same order. Lines come in the order of their positions everywhere.
//
// # Limits
//
// A name has at most 24 characters, a line 2,000, and a room 200 people on one node. A room's name has
// 1 to 32 of the characters a to z, 0 to 9, "-" and "_". A room keeps 200 lines of at most 256 KiB together, for
// an hour, in memory. There are at most 256 rooms. Any other message from the page closes the
// connection with 1008 (PolicyViolation).
package chat
