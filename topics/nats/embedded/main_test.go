package embedded_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/framerail/framerail/internal/test/leaks"
	"github.com/nats-io/nats-server/v2/server"
)

// asServer has the test's program be nats-server, so that tests have one as a process of its own
// without building or installing another program.
const asServer = "FRAMERAIL_TEST_NATS_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		natsServer()
		return
	}
	leaks.Main(m)
}

// natsServer does what the main function of github.com/nats-io/nats-server/v2 does.
func natsServer() {
	fs := flag.NewFlagSet("nats-server", flag.ExitOnError)
	o, err := server.ConfigureOptions(fs, os.Args[1:], server.PrintServerAndExit, fs.Usage, server.PrintTLSHelpAndDie)
	if err != nil {
		server.PrintAndDie(err.Error())
	}
	s, err := server.NewServer(o)
	if err != nil {
		server.PrintAndDie(err.Error())
	}
	s.ConfigureLogger()
	if err := server.Run(s); err != nil {
		server.PrintAndDie(err.Error())
	}
	s.WaitForShutdown()
	fmt.Println("ended")
}
