//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func init() { parts["activated"] = serveActivated }

// serveActivated serves what the process was started with. It prints a line for each, then
// what is left of the variables, and ends with its standard input.
func serveActivated() int {
	lns, err := ActivatedListeners()
	if err != nil {
		fmt.Println("error:", err)
	}
	s := &Server{OnMessage: echo}
	prepare(s)
	for _, ln := range lns {
		fmt.Printf("%q %v\n", ln.Name, ln.Listener.Addr())
		go func() { _ = s.Serve(ln.Listener) }()
	}
	if again, err := ActivatedListeners(); len(again) > 0 || err != nil {
		fmt.Println("again:", again, err)
	}
	for _, name := range []string{"LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		if _, set := os.LookupEnv(name); set {
			fmt.Println("still set:", name)
		}
	}
	// What a child gets of it: its descriptors from 3 on.
	child := exec.Command("sh", "-c", `for fd in 3 4 5 6 7 8 9; do if [ -S /proc/self/fd/$fd ]; then echo "in a child: $fd"; fi; done`)
	child.Stdout = os.Stdout
	_ = child.Run()
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = s.Close()
	return 0
}

// activate starts such a process as a service manager does, with LISTEN_PID pid, and returns
// what it prints.
func activate(t *testing.T, pid string, files []*os.File, env ...string) []string {
	t.Helper()
	server := exec.Command("sh", "-c", `LISTEN_PID=`+pid+` exec "$1"`, "sh", os.Args[0])
	server.Env = append(append(os.Environ(), partEnv+"=activated", "GORACE=atexit_sleep_ms=0"), env...)
	server.Stderr = os.Stderr
	server.ExtraFiles = files
	in, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := server.Wait(); err != nil {
			t.Error(err)
		}
	})
	var lines []string
	for r := bufio.NewReader(out); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("after %q: %v", lines, err)
		}
		if line == "ready\n" {
			return lines
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
}

// fileOf is the file of a listener, which is closed.
func fileOf(t *testing.T, ln interface {
	File() (*os.File, error)
	io.Closer
}) *os.File {
	t.Helper()
	f, err := ln.File()
	if err != nil {
		t.Fatal(err)
	}
	if u, ok := ln.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	ln.Close()
	t.Cleanup(func() { f.Close() })
	return f
}

func TestActivatedListeners(t *testing.T) {
	tcp := listenLocal(t).(*net.TCPListener)
	path := filepath.Join(t.TempDir(), "s")
	over, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	at := tcp.Addr().String()
	files := []*os.File{fileOf(t, tcp), fileOf(t, over)}

	lines := activate(t, "$$", files, "LISTEN_FDS=2", "LISTEN_FDNAMES=web:local", "LISTEN_PIDFDID=1")
	if want := []string{`"web" ` + at, `"local" ` + path}; strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Fatalf("got %q, want %q", lines, want)
	}
	for _, addr := range [][2]string{{"tcp", at}, {"unix", path}} {
		p := dialAddr(t, addr[0], addr[1])
		p.handshake()
		p.alive()
	}
}

// Variables that are another process's, or none, are none of ours.
func TestActivatedListeners_OfOthers(t *testing.T) {
	parallel(t)
	file := fileOf(t, listenLocal(t).(*net.TCPListener))
	for _, test := range [][]string{{"1", "LISTEN_FDS=1"}, {"", "LISTEN_FDS=1"}, {"$$"}, {"$$", "LISTEN_FDS="}, {"$$", "LISTEN_FDS=0"}} {
		for _, line := range activate(t, test[0], []*os.File{file}, test[1:]...) {
			if !strings.HasPrefix(line, "in a child") { // it is nobody's to close
				t.Errorf("%q: %q", test, line)
			}
		}
	}
}

// What does not listen is refused, by name, and the rest closed.
func TestActivatedListeners_Refused(t *testing.T) {
	parallel(t)
	listener := fileOf(t, listenLocal(t).(*net.TCPListener))
	packets, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	pipe, other, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	connected, peer := os.NewFile(uintptr(ends[0]), ""), os.NewFile(uintptr(ends[1]), "")
	defer pipe.Close()
	defer other.Close()
	defer connected.Close()
	defer peer.Close()
	for name, test := range map[string]struct {
		files []*os.File
		env   []string
		want  string
	}{
		"packets":       {[]*os.File{listener, fileOf(t, packets)}, []string{"LISTEN_FDS=2", "LISTEN_FDNAMES=a:b"}, `socket 1 of LISTEN_FDS, "b": no stream socket`},
		"connected":     {[]*os.File{connected, listener}, []string{"LISTEN_FDS=2"}, `socket 0 of LISTEN_FDS, "": the socket does not listen`},
		"pipe":          {[]*os.File{pipe}, []string{"LISTEN_FDS=1"}, "non-socket"},
		"not_open":      {[]*os.File{listener}, []string{"LISTEN_FDS=900"}, "LISTEN_FDS"},
		"no_number":     {nil, []string{"LISTEN_FDS=x"}, `LISTEN_FDS is "x"`},
		"negative":      {nil, []string{"LISTEN_FDS=-1"}, `LISTEN_FDS is "-1"`},
		"too_many":      {nil, []string{"LISTEN_FDS=99999"}, `LISTEN_FDS is "99999"`},
		"a_name_is_off": {[]*os.File{listener}, []string{"LISTEN_FDS=1", "LISTEN_FDNAMES=a:b"}, "2 names for 1 sockets"},
	} {
		t.Run(name, func(t *testing.T) {
			lines := activate(t, "$$", test.files, test.env...)
			if len(lines) == 0 || !strings.HasPrefix(lines[0], "error:") || !strings.Contains(lines[0], test.want) {
				t.Errorf("got %q, want an error with %q", lines, test.want)
			}
			if text := strings.Join(lines, "\n"); strings.Contains(text, "still set") {
				t.Error(text)
			}
		})
	}
}
