// Command framerail runs small servers built on the framerail library, to try
// it with and to read: an echo server and a chat room with its web page. And it holds
// any WebSocket server against RFC 6455, puts it under load, or talks with it.
//
// A server prints a line with each of its addresses on standard output when it is ready, logs
// to standard error, and drains on SIGINT or SIGTERM: it exits with 0 once every
// connection has been closed in order. A second signal ends it at once. It exits
// with 1 if it cannot serve, if a case of the conformance run has not passed, or if a figure
// of a load run is out of its bound. It exits with 2 if its flags are wrong or if a server
// cannot be reached.
package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Exit statuses. The first two are what the flag package and shells use too.
const (
	exitFailed = 1
	exitUsage  = 2
)

// program is the command line: its flags and, one field each, its commands.
type program struct {
	LogLevel logLevel         `default:"info" placeholder:"LEVEL" help:"Log this and worse to standard error: debug, info, warn or error. Default: info."`
	Version  kong.VersionFlag `help:"Print the version and exit."`

	Echo echoCommand `cmd:"" help:"Send every message back to where it came from."`
	Chat chatCommand `cmd:"" help:"Serve a chat room and the web page for it."`

	Conform conformCommand `cmd:"" help:"Hold a WebSocket server that echoes against RFC 6455, case by case."`
	Load    loadCommand    `cmd:"" help:"Put a WebSocket server under load, check every echo, and tell latency and rate."`
	Connect connectCommand `cmd:"" help:"Talk with a WebSocket server: lines are sent, and what comes is printed."`
}

func main() {
	os.Exit(run(os.Args[1:]))
}

// run returns the exit status.
func run(args []string) int {
	var p program
	parser := kong.Must(&p,
		kong.Name("framerail"),
		kong.Description("Small servers built on framerail, a WebSocket server engine for Go, and a conformance run and a load generator for any server."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"version": version()},
	)

	command, err := parser.Parse(asFlag(args))
	if err != nil {
		fmt.Fprintf(os.Stderr, "framerail: %v (%s)\n", err, hint(args, err))
		return exitUsage
	}

	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.Level(p.LogLevel)}))
	err = command.Run(log)
	if err == nil {
		return 0
	}
	if message := strings.TrimPrefix(err.Error(), "framerail: "); message != "" { // the library's has it
		fmt.Fprintf(os.Stderr, "framerail: %s\n", message)
	}
	status := exitFailed
	if exit := (*exitError)(nil); errors.As(err, &exit) {
		status = exit.status
	}
	return status
}

// asFlag has "framerail help COMMAND" mean "framerail COMMAND --help", and "framerail version"
// mean "framerail --version".
func asFlag(args []string) []string {
	switch {
	case len(args) > 0 && args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	case len(args) == 1 && args[0] == "version":
		return []string{"--version"}
	}
	return args
}

// hints are flags that other programs have, and what they are called here.
var hints = map[string]string{
	"--port": "the address is --addr HOST:PORT", "-p": "the address is --addr HOST:PORT",
	"--host": "the address is --addr HOST:PORT", "--listen": "the address is --addr HOST:PORT",
	"--cert": "the certificate is --tls-cert FILE", "--key": "the key is --tls-key FILE",
}

// hint is what to try after a wrong command line, of which err says what is wrong.
func hint(args []string, err error) string {
	for _, arg := range args {
		name, _, _ := strings.Cut(arg, "=")
		if h, ok := hints[name]; ok {
			return h
		}
	}
	if parsing := (*kong.ParseError)(nil); errors.As(err, &parsing) && parsing.Context.Selected() != nil {
		return "try framerail " + parsing.Context.Selected().Name + " --help"
	}
	return "try framerail --help"
}

// version names the program, its version, and what it was built with and for.
func version() string {
	recorded := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		recorded = info.Main.Version
	}
	return fmt.Sprintf("framerail %s %s %s/%s", versionWord(recorded), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// versionWord says which version the go command recorded: that of go install, or the
// commit's of a build in a clone. go run records none.
func versionWord(recorded string) string {
	switch recorded {
	case "", "(devel)":
		return "development build"
	}
	return recorded
}
