package glossary

// words are those of our own that no identifier may have, each with the term instead.
// A word that also has a plain meaning is not here: "line", "order", "info".
var words = map[string]string{
	"abandon": "cancel, discard", "abandoned": "cancelled, discarded",
	"applicant": "candidate",
	"arrival":   "accepted connection", "arrivals": "accepted connections",
	"conclude": "finish", "concluded": "finish",
	"crowd": "contention", "crowded": "contention",
	"dismiss": "apply", "dismissed": "commanded",
	"doomed": "poll failed",
	"greet":  "handshake, answer", "greets": "answers", "greeted": "answered",
	"greeter": "request reader", "greeting": "request phase",
	"hurry": "patience", "hurried": "patience",
	"inquire": "check", "inquiring": "check", "inquiry": "check", "inquiries": "check",
	"introduce": "PROXY header", "introduced": "PROXY header", "introduction": "PROXY header",
	"mail":   "inbox",
	"mortal": "has a lifetime",
	"obey":   "apply, follow", "obeys": "applies, follows",
	"sealing":    "TLS records",
	"selfsigned": "test certificate",
	"shaking":    "TLS handshakes",
	"standing":   "ticket",
	"told":       "reported, answered",
	"untold":     "unreported",
	"who":        "the thing's name",
	"withdraw":   "cancel", "withdrawn": "cancel",
}

// exceptions are where a word may stand, as its folder and the identifier, each with the
// reason. One that nothing needs any more fails the test.
var exceptions = map[string]string{}
