package self

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// As a program it repeats each line, and is ready when it has said its arguments.
// With the argument "stay" it does not end with its standard input.
func program() {
	fmt.Println(os.Args[1:])
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(lines.Text())
	}
	if os.Args[1] == "stay" {
		select {}
	}
}

func TestMain(m *testing.M) { Main(m, program) }

func TestTheProcessAnswersAndEnds(t *testing.T) {
	p, err := Start(t.Context(), []string{"a", "b"}, nil, (*exec.Cmd).Start)
	if err != nil {
		t.Fatal(err)
	}
	if p.First != "[a b]" {
		t.Errorf("its first line is %q", p.First)
	}
	if answer, err := p.Ask("hello"); err != nil || answer != "hello" {
		t.Errorf("%q, %v", answer, err)
	}
	if err := p.Stop(60 * time.Second); err != nil {
		t.Error(err)
	}
}

func TestOneThatDoesNotEndIsKilled(t *testing.T) {
	p, err := Start(t.Context(), []string{"stay"}, nil, (*exec.Cmd).Start)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(50 * time.Millisecond); err == nil {
		t.Error("no word of its being killed")
	}
}

func TestOneThatDoesNotStartIsAnError(t *testing.T) {
	_, err := Start(t.Context(), []string{"a"}, func(cmd *exec.Cmd) { cmd.Path = "/nowhere" }, (*exec.Cmd).Start)
	if err == nil {
		t.Error("started")
	}
}
