package embedded_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/test/child"
	"github.com/framerail/framerail/internal/test/port"
)

// long is how long a test waits for something that must happen.
const long = time.Minute

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(long); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

// process is nats-server as a process of its own.
type process struct {
	t     testing.TB
	addr  string
	dir   string // of JetStream
	conf  string // a file of configuration, if there is one
	plain bool   // without JetStream
	as    string // what the program is told to be: see asServer
	out   bytes.Buffer
	cmd   *exec.Cmd
	done  chan struct{} // closed when it has ended
}

// newProcess starts nats-server, and kills it at the end of the test.
func newProcess(t testing.TB) *process {
	t.Helper()
	p := &process{t: t, addr: port.Free(t), dir: t.TempDir(), as: "nats-server"}
	t.Cleanup(p.kill)
	p.start()
	return p
}

// newCluster starts embedded servers that keep messages, each in a process of its own.
func newCluster(t testing.TB, n int) (all []*process) {
	t.Helper()
	var routes []string
	for range n {
		routes = append(routes, port.Free(t))
	}
	for i := range n {
		p := &process{t: t, addr: port.Free(t), dir: t.TempDir()}
		as, err := json.Marshal(embeddedServer{Name: label(i), ClusterListen: routes[i], Routes: routes, Listen: p.addr, StoreDir: p.dir})
		if err != nil {
			t.Fatal(err)
		}
		p.as = string(as)
		t.Cleanup(p.kill)
		p.start()
		all = append(all, p)
	}
	return all
}

func (p *process) url() string { return "nats://" + p.addr }

func (p *process) start() {
	p.t.Helper()
	program, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	host, number, _ := net.SplitHostPort(p.addr)
	args := []string{"-a", host, "-p", number}
	if p.conf != "" {
		args = append(args, "-c", p.conf)
	}
	if !p.plain {
		args = append(args, "-js", "-sd", p.dir)
	}
	p.cmd = exec.Command(program, args...)
	p.cmd.Env = append(os.Environ(), asServer+"="+p.as)
	p.out.Reset()
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.WaitDelay = time.Second
	child.EndWithTest(p.cmd)
	started := make(chan error)
	p.done = make(chan struct{})
	go func() { // the thread that starts it must live as long: see EndWithTest
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait()
		}
		close(p.done)
	}()
	if err := <-started; err != nil {
		p.t.Fatal(err)
	}
	eventually(p.t, "the server listens", func() bool {
		c, err := net.Dial("tcp", p.addr)
		if err != nil {
			return false
		}
		defer c.Close()
		_ = c.SetReadDeadline(time.Now().Add(long))
		n, _ := c.Read(make([]byte, 4))
		return n > 0
	})
}

// kill ends it as a crash does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
	if p.t.Failed() {
		p.t.Logf("nats-server:\n%s", &p.out)
	}
}

// configure writes a file of configuration for the next start.
func (p *process) configure(text string) {
	p.conf = filepath.Join(p.t.TempDir(), "nats.conf")
	if err := os.WriteFile(p.conf, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// forget removes all that it has stored.
func (p *process) forget() {
	entries, err := filepath.Glob(filepath.Join(p.dir, "*"))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(e); err != nil {
			p.t.Fatal(err)
		}
	}
}

// proxy is a network between a node and a server that can be cut.
type proxy struct {
	ln net.Listener
	to string

	mu    sync.Mutex
	conns map[net.Conn]bool // guarded by mu
	hole  bool              // guarded by mu: bytes vanish
	gone  []byte            // guarded by mu: what has vanished
	wait  sync.WaitGroup
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{ln: ln, to: to, conns: map[net.Conn]bool{}}
	p.wait.Go(p.accept)
	t.Cleanup(func() {
		ln.Close()
		p.cut()
		p.wait.Wait()
	})
	return p
}

func (p *proxy) url() string { return "nats://" + p.ln.Addr().String() }

func (p *proxy) accept() {
	for {
		near, err := p.ln.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.to)
		if err != nil {
			near.Close()
			continue
		}
		p.mu.Lock()
		p.conns[near], p.conns[far] = true, true
		p.mu.Unlock()
		p.wait.Go(func() { p.carry(near, far) })
		p.wait.Go(func() { p.carry(far, near) })
	}
}

func (p *proxy) carry(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		hole := p.hole
		if hole {
			p.gone = append(p.gone, buf[:n]...)
		}
		p.mu.Unlock()
		if err == nil && !hole {
			_, err = to.Write(buf[:n])
		}
		if err != nil {
			if err != io.EOF || !hole {
				to.Close()
			}
			from.Close()
			p.mu.Lock()
			delete(p.conns, from)
			p.mu.Unlock()
			return
		}
	}
}

// cut breaks all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

// partition has all bytes vanish, of new connections too, until it is healed.
func (p *proxy) partition(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hole = on
}

// hasSwallowed reports whether a text has vanished.
func (p *proxy) hasSwallowed(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Contains(p.gone, []byte(text))
}

func label(i int) string { return "rooms." + strconv.Itoa(i) }

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
