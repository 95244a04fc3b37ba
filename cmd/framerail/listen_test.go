package main

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// converse has a client that connects with dial say something, and hear it.
func converse(t *testing.T, url string, dial func(context.Context, string, string) (net.Conn, error)) {
	t.Helper()
	transport := &http.Transport{DialContext: dial}
	defer transport.CloseIdleConnections()
	c, _, err := websocket.Dial(within(t), url, &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if err := c.Write(within(t), websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, got, err := c.Read(within(t)); err != nil || string(got) != "hello" {
		t.Fatalf("got %q, %v", got, err)
	}
}

func overUnix(path string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
}

func TestEchoListensInSeveralPlaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	p := start(t, "echo", "--addr=127.0.0.1:0", "--addr=unix:"+path, "--addr", "127.0.0.1:0")
	converse(t, p.url, nil)
	converse(t, "ws://localhost/", overUnix(path))
	p.signal(t, os.Interrupt)
	rest := p.wait(t)
	if lines := strings.Split(rest, "\n"); len(lines) != 3 || lines[0] != "framerail echo: unix:"+path || !strings.HasPrefix(lines[1], "framerail echo: ws://127.0.0.1:") {
		t.Errorf("the other places: %q", rest)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the path is still there")
	}
}

// A place that is taken is told of, and no line says that the others serve.
func TestListenFails(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for place, want := range map[string]string{ln.Addr().String(): "in use", "systemd": "no sockets"} {
		status, stdout, stderr := finish(t, "echo", "--addr=127.0.0.1:0", "--addr="+place)
		if status != exitFailed || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, %q, %q", place, status, stdout, stderr)
		}
	}
}

func TestEchoOnSocketsOfSystemd(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	file, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	program := command("echo", "--addr=systemd")
	cmd := exec.Command("sh", append([]string{"-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"`, "sh"}, program.Args...)...)
	cmd.Env, cmd.ExtraFiles = program.Env, []*os.File{file}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}()
	want := "framerail echo: ws://" + ln.Addr().String() + "/"
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != want+"\n" {
		t.Fatalf("got %q, %v; want %q", line, err, want)
	}
	converse(t, strings.TrimPrefix(want, "framerail echo: "), nil)
}

func TestPlaceChecksForm(t *testing.T) {
	for text, valid := range map[string]bool{
		"127.0.0.1:9001": true, "unix:/tmp/s": true, "unix:@name": true, "systemd": true, "unix:a:b": true,
		"": false, "unix:": false, "Systemd": false, "/tmp/s": false, "localhost": false,
	} {
		var p place
		if err := p.UnmarshalText([]byte(text)); (err == nil) != valid {
			t.Errorf("%q: %v, want valid %v", text, err, valid)
		}
	}
}
