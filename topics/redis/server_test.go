package redis

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/framerail/framerail/internal/test/child"
	"github.com/framerail/framerail/internal/test/missing"
)

// patience is for what must happen, on a machine that has other work.
const patience = time.Minute

// redisServer is a real one, on a unix socket in a folder of its own.
type redisServer struct {
	t    testing.TB
	dir  string
	conf string // of a Sentinel
	args []string
	cmd  *exec.Cmd
	log  bytes.Buffer
}

// program finds Redis or Valkey. REDIS_SERVER names another one.
func program(t testing.TB) string {
	t.Helper()
	for _, name := range []string{os.Getenv("REDIS_SERVER"), "redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing.End(t, "there is no redis-server: .ci/step install")
	return ""
}

// startServer starts one that ends with the test. Without other args it keeps nothing on disk.
func startServer(t testing.TB, args ...string) *redisServer {
	t.Helper()
	return startProgram(t, "", args...)
}

// startSentinel starts a Sentinel.
func startSentinel(t testing.TB, conf, port string) *redisServer {
	t.Helper()
	return startProgram(t, conf, "--bind", "127.0.0.1", "--port", port)
}

func startProgram(t testing.TB, conf string, args ...string) *redisServer {
	t.Helper()
	dir, err := os.MkdirTemp("", "redis") // t.TempDir is too long for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	r := &redisServer{t: t, dir: dir, conf: conf, args: args}
	t.Cleanup(func() {
		r.kill()
		os.RemoveAll(dir)
	})
	r.start()
	return r
}

func (r *redisServer) socket() string { return filepath.Join(r.dir, "redis.sock") }

func (r *redisServer) start() {
	r.t.Helper()
	args := []string{"--port", "0", "--unixsocket", r.socket(), "--dir", r.dir, "--daemonize", "no"}
	if r.conf != "" {
		args = append([]string{r.conf, "--sentinel"}, args...)
	} else {
		args = append(args, "--save", "")
	}
	r.cmd = exec.Command(program(r.t), append(args, r.args...)...)
	r.cmd.Stdout, r.cmd.Stderr = &r.log, &r.log
	child.EndWithTest(r.cmd)
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	wait(r.t, "the server is up", func() bool { return r.answer("PING") == "PONG" })
}

// kill ends the server without a warning.
func (r *redisServer) kill() {
	if r.cmd != nil {
		r.cmd.Process.Kill()
		r.cmd.Wait()
		r.cmd = nil
	}
}

// answer asks the server something, and gives what it answers as text.
func (r *redisServer) answer(command ...string) string {
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{"-"}, DialCtxFn: r.dial, ForceSingleClient: true,
		DisableCache: true, DisableRetry: true, PipelineMultiplex: -1})
	if err != nil {
		if c != nil {
			c.Close()
		}
		return ""
	}
	defer c.Close()
	m, err := c.Do(context.Background(), c.B().Arbitrary(command...).Build()).ToMessage()
	if err != nil {
		return "error: " + err.Error()
	}
	if text, err := m.ToString(); err == nil {
		return text
	}
	v, _ := m.ToAny()
	return fmt.Sprint(v)
}

func (r *redisServer) dial(ctx context.Context, _ string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
	return d.DialContext(ctx, "unix", r.socket())
}

// broker is one for this server, which does not take a busy machine for one that is lost.
func (r *redisServer) broker() *Broker {
	return &Broker{Client: rueidis.ClientOption{DialCtxFn: r.dial, ConnWriteTimeout: patience}}
}

// wait waits until something is so.
func wait(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not after %v: %s", patience, what)
		}
	}
}
