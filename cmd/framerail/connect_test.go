package main

import (
	"bytes"
	"net"
	"strings"
	"testing"
)

// finishWith runs "framerail args..." to its end with lines to read.
func finishWith(t *testing.T, input string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := command(args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the status tells
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func TestConnectWorksInAPipe(t *testing.T) {
	p := start(t, "echo", "--addr", "127.0.0.1:0", "--deflate", "takeover", "--tls-self-signed")
	status, stdout, stderr := finishWith(t, "hello\n/ping x\n", "connect", p.url, "--insecure", "--deflate", "takeover",
		"--subprotocol", "v1", "--slash", "--linger", "5s")
	for _, want := range []string{"= connected to wss://", "subprotocol v1, permessage-deflate", "< text 5 B  hello\n", "< pong 1 B  \"x\"\n", "= closed, the server answered 1000"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if status != 0 || stderr != "" {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
}

// An error about a certificate names the flags that trust it. Others do not.
func TestConnectNamesTheFlagsForCertificates(t *testing.T) {
	p := start(t, "echo", "--addr", "127.0.0.1:0", "--tls-self-signed")
	status, _, stderr := finishWith(t, "", "connect", p.url)
	if status != exitUsage || !strings.Contains(stderr, "certificate") || !strings.Contains(stderr, "--insecure takes any") {
		t.Errorf("status %d\n%s", status, stderr)
	}
	status, _, stderr = finishWith(t, "", "connect", "ws"+strings.TrimPrefix(p.url, "wss"))
	if status != exitUsage || strings.Contains(stderr, "--insecure") {
		t.Errorf("without TLS: status %d\n%s", status, stderr)
	}
}

func TestConnectRaw(t *testing.T) {
	p := start(t, "echo", "--addr", "127.0.0.1:0")
	status, stdout, stderr := finishWith(t, "one\ntwo\n", "connect", p.url, "--raw", "--linger", "5s")
	if status != 0 || stdout != "one\ntwo\n" || stderr != "" {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
}

// A server that refuses a message closes, and that is no success.
func TestConnectExitsWithOneIfTheServerCloses(t *testing.T) {
	p := start(t, "echo", "--addr", "127.0.0.1:0", "--max-message", "10")
	status, stdout, stderr := finishWith(t, strings.Repeat("x", 11)+"\n", "connect", p.url, "--linger", "1h")
	if status != exitFailed || !strings.Contains(stdout, "closed by the server with 1009") || stderr != "" {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
}

func TestConnectExitsWithTwoIfThereIsNobody(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	url := "ws://" + closed.Addr().String() + "/"
	for _, args := range [][]string{{url}, {}, {"nonsense"}, {url, "--max-message", "0"}, {url, "--ca", "/nonexistent/x"}} {
		status, stdout, stderr := finishWith(t, "", append([]string{"connect"}, args...)...)
		if status != exitUsage || stdout != "" || !strings.HasPrefix(stderr, "framerail: ") {
			t.Errorf("%q: status %d\n%s%s", args, status, stdout, stderr)
		}
	}
}
