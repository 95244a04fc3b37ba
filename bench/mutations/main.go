// Command mutations changes the library in one place after the other and asks
// whether its tests notice. The places are drawn with a seed: the first in each
// package, the others anywhere. A mutation that does not compile is passed over.
//
//	go run ./bench/mutations --seed 1 --list   # what would be changed
//	go run ./bench/mutations --seed 1          # does the tests see it?
//
// It edits no file: the compiler is given a changed copy. Tests of the package
// itself come first, then those of the packages that import it, until one fails;
// last the failing system calls of a server. It exits with 0 only if each was
// caught. What is left to judge by hand is whether the others change anything.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

type command struct {
	Seed    uint64        `default:"1" help:"Of the draw."`
	Count   int           `default:"60" help:"How many mutations are drawn."`
	List    bool          `help:"Print the mutations and run nothing."`
	Only    []int         `help:"The numbers of those to run."`
	Timeout time.Duration `default:"2m" help:"For the tests of a package: a mutation that takes longer was caught. Those of server, and of all that is built on it, have three times that."`
	Root    string        `default:"." help:"The folder of the library's module." type:"existingdir"`
}

func main() {
	var c command
	kong.Parse(&c, kong.Description("Mutations of the library, drawn with a seed, and whether its tests notice."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := c.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var errMissed = errors.New("some mutations were not caught")

func (c *command) run(ctx context.Context) error {
	packages, err := listPackages(ctx, c.Root)
	if err != nil {
		return err
	}
	all, err := candidates(packages)
	if err != nil {
		return err
	}
	r := runner{root: c.Root, packages: packages, timeout: c.Timeout}
	drawn := draw(all, c.Seed)
	caught, missed, passed := 0, 0, 0
	for n := 0; len(drawn) > 0 && n < c.Count; drawn = drawn[1:] {
		m := drawn[0]
		if compiles, err := r.compiles(ctx, m); err != nil {
			return err
		} else if !compiles {
			passed++
			continue
		}
		n++
		if len(c.Only) > 0 && !slices.Contains(c.Only, n) {
			continue
		}
		fmt.Printf("%d. %s\n", n, m)
		if c.List {
			continue
		}
		by, err := r.caughtBy(ctx, m)
		switch {
		case err != nil:
			return err
		case by != "":
			caught++
			fmt.Printf("   caught by %s\n", by)
		default:
			missed++
			fmt.Println("   NOT CAUGHT")
		}
	}
	fmt.Printf("%d places in %d packages; seed %d: %d caught, %d not caught; %d drawn did not compile\n",
		len(all), len(packages), c.Seed, caught, missed, passed)
	if missed > 0 {
		return errMissed
	}
	return nil
}

// oneLine is code without its line breaks, and not all of it if it is long.
func oneLine(code string) string {
	code = strings.Join(strings.Fields(code), " ")
	if len(code) > 70 {
		code = code[:67] + "..."
	}
	return code
}
