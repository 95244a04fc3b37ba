// Command autobahn holds framerail's echo server against the fuzzing client of the
// Autobahn testsuite, which comes as a container: it starts one server for each agent
// of fuzzingclient.json, runs the client, counts its verdicts, and exits 0 only if all
// of them are good. Run it from the root of the repository.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alecthomas/kong"
)

type program struct {
	Container string `default:"docker" help:"The command that runs containers: docker, podman."`
	Image     string `default:"crossbario/autobahn-testsuite" help:"The image of the testsuite."`
	Folder    string `default:"bench/autobahn" type:"existingdir" help:"Where fuzzingclient.json is, and where the folder reports is put."`
	Least     int    `default:"517" help:"Fewer cases for an agent than this are a failure."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var p program
	k := kong.Parse(&p, kong.Name("autobahn"), kong.Description("Hold framerail's echo server against the Autobahn testsuite."))
	k.FatalIfErrorf(p.run(ctx))
}

func (p *program) run(ctx context.Context) (err error) {
	folder, err := filepath.Abs(p.Folder)
	if err != nil {
		return err
	}
	config, err := readConfig(filepath.Join(folder, "fuzzingclient.json"))
	if err != nil {
		return err
	}
	reports := filepath.Join(folder, "reports")
	if err := os.RemoveAll(filepath.Join(reports, "index.json")); err != nil { // of an earlier run
		return err
	}
	if err := os.MkdirAll(reports, 0o755); err != nil {
		return err
	}
	servers, err := startServers(ctx, config)
	defer func() { err = errors.Join(err, servers.stop()) }()
	if err != nil {
		return err
	}

	// The client finds the servers on this machine's own loopback.
	client := exec.CommandContext(ctx, p.Container, "run", "--rm", "--network", "host",
		"--volume", folder+":/config:ro", "--volume", reports+":/reports",
		p.Image, "wstest", "--mode", "fuzzingclient", "--spec", "/config/fuzzingclient.json")
	client.Stdout, client.Stderr = os.Stderr, os.Stderr
	if err := client.Run(); err != nil {
		return fmt.Errorf("the testsuite's client: %w", err)
	}
	found, err := readVerdicts(filepath.Join(reports, "index.json"))
	if err != nil {
		return err
	}
	return found.judge(os.Stdout, config.agents(), p.Least)
}
