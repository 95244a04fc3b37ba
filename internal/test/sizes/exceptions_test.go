package sizes

const (
	options  = "options: each is set alone, and described alone"
	table    = "a table: read row by row"
	beingCut = "being cut"
)

// exceptions are what may be larger, each with the reason. One that nothing needs any more
// fails the test.
var exceptions = map[string]string{
	"fields bench/reliability.program": options,
	"fields internal/session.Config":   options,
	"fields server.Limits":             options,
	"fields server.Server":             options,

	"function bench/reliability.smuggledRequests": table,
	"function internal/handshake.hostile":         table,

	"fields cmd/internal/conform.Session":                beingCut,
	"fields cmd/internal/conform.faulty":                 beingCut,
	"fields internal/session.Loop":                       beingCut,
	"fields internal/session.life":                       beingCut,
	"fields internal/test/lives.life":                    beingCut,
	"fields server.lent":                                 beingCut,
	"fields server.loop":                                 beingCut,
	"fields server.running":                              beingCut,
	"fields server/servertest.Client":                    beingCut,
	"fields server/servertest.Sim":                       beingCut,
	"function bench/reliability.admissionCommand.fill":   beingCut,
	"function bench/reliability.slowlorisCommand.attack": beingCut,
	"function internal/handshake.Scanner.ScanWithin":     beingCut,
	"methods cmd/internal/conform.Session":               beingCut,
	"methods internal/session.Conn":                      beingCut,
	"methods internal/session.Driver":                    beingCut,
	"methods server.loop":                                beingCut,
}
