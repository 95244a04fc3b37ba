package sizes

const (
	options = "options: each is set alone, and described alone"
	table   = "a table: read row by row"
)

// exceptions are what may be larger, each with the reason. One that nothing needs any more
// fails the test.
var exceptions = map[string]string{
	"fields bench/reliability.program":   options,
	"fields client.Client":               options,
	"fields cmd/internal/conform.faulty": options,
	"fields internal/session.Config":     options,
	"fields server.Server":               options,
	"fields topics.Topics":               options,

	"function bench/reliability.smuggledRequests": table,
	"function internal/handshake.hostile":         table,
	"function internal/handshake.Scanner.Scan":    "a state machine, flat: a paragraph is a state",
}
