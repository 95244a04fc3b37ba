package glossary

// words are those of our own that no identifier may have, each with the term instead.
// A word that also has a plain meaning is not here: "line", "order", "info".
var words = map[string]string{
	"arrival": "accepted connection", "arrivals": "accepted connections",
	"conclude": "finish", "concluded": "finish",
	"crowd": "contention", "crowded": "contention",
	"doomed":  "poll failed",
	"hurried": "patience",
	"inquire": "check", "inquiring": "check", "inquiry": "check", "inquiries": "check",
	"mortal":     "has a lifetime",
	"sealing":    "TLS records",
	"selfsigned": "test certificate",
	"standing":   "ticket",
	"told":       "reported, answered",
	"untold":     "unreported",
	"withdraw":   "cancel", "withdrawn": "cancel",
}

// exceptions are where a word may stand, as its folder and the identifier, each with the
// reason. One that nothing needs any more fails the test.
var exceptions = map[string]string{}
