package glossary

// words are those of our own that no identifier may have, each with the term instead.
// A word that also has a plain meaning is not here: "line", "order", "info".
var words = map[string]string{
	"crowd":      "contention",
	"sealing":    "TLS records",
	"selfsigned": "test certificate",
}

// exceptions are where a word may stand, as its folder and the identifier, each with the
// reason. One that nothing needs any more fails the test.
var exceptions = map[string]string{}
