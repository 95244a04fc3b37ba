package embedded_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/framerail/framerail/internal/test/leaks"
	"github.com/framerail/framerail/topics/nats/embedded"
	"github.com/nats-io/nats-server/v2/server"
)

// asServer has the test's program be nats-server, so that tests have one as a process of its own
// without building or installing another program. Its value is the JSON of an embeddedServer, or anything else for nats-server itself.
const asServer = "FRAMERAIL_TEST_NATS_SERVER"

// embeddedServer is an embedded server as a process of its own, which can be killed.
type embeddedServer struct {
	Name, ClusterListen, Listen, StoreDir string
	Routes                                []string
}

func (e embeddedServer) run() {
	s := embedded.Server{Name: e.Name, ClusterListen: e.ClusterListen, Listen: e.Listen, StoreDir: e.StoreDir, Routes: e.Routes}
	if err := s.Start(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	select {}
}

func TestMain(m *testing.M) {
	if settings := os.Getenv(asServer); settings != "" {
		var e embeddedServer
		if json.Unmarshal([]byte(settings), &e) == nil {
			e.run()
		}
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
