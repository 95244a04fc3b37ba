package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/framerail/framerail/cmd/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

// report is what the sender is told.
type report struct {
	Received     int64
	File, SHA256 string
}

func hear(t *testing.T, c *websocket.Conn) (r report) {
	t.Helper()
	if err := json.Unmarshal([]byte(exampletest.Hear(t, c)), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// begin sends part as the beginning of a message.
func begin(t *testing.T, c *websocket.Conn, part []byte) io.WriteCloser {
	t.Helper()
	w, err := c.Writer(exampletest.Within(t), websocket.MessageBinary)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(part); err != nil {
		t.Fatal(err)
	}
	return w
}

// files are the names of what dir has.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestUploadIsStoredAndProgressReportedMeanwhile(t *testing.T) {
	dir := t.TempDir()
	p := exampletest.Start(t, "-dir="+dir)
	c := exampletest.Dial(t, p.URL+"upload", nil)
	part := bytes.Repeat([]byte("0123456789abcdef"), 3*reportEvery/2/16)

	w := begin(t, c, part)
	if first := hear(t, c); first.Received < reportEvery || first.Received > int64(len(part)) {
		t.Errorf("first told of %d bytes, when %d had been sent", first.Received, len(part))
	}
	if _, err := w.Write(part); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	last := hear(t, c)
	for last.SHA256 == "" {
		last = hear(t, c)
	}

	whole := append(part, part...)
	if last.Received != int64(len(whole)) || last.SHA256 != fmt.Sprintf("%x", sha256.Sum256(whole)) {
		t.Errorf("told %+v of %d bytes", last, len(whole))
	}
	if stored, err := os.ReadFile(filepath.Join(dir, last.File)); err != nil || !bytes.Equal(stored, whole) {
		t.Errorf("%d bytes were stored of %d, or altered: %v", len(stored), len(whole), err)
	}
	_ = c.CloseNow()
	p.Stop(t)
}

func TestUploadTakesBoundedMemory(t *testing.T) {
	const size, most = 24 << 20, 12 << 20
	p := exampletest.Start(t, "-dir="+t.TempDir())
	c := exampletest.Dial(t, p.URL+"upload", nil)
	upload(t, c, size/3) // what a program takes once
	before := peak(t, p.Pid)
	upload(t, c, size)
	if grown := peak(t, p.Pid) - before; grown > most {
		t.Errorf("a file of %d MiB took %d MiB of memory", size>>20, grown>>20)
	}
	_ = c.CloseNow()
	p.Stop(t)
}

// upload sends a file and waits until it is stored.
func upload(t *testing.T, c *websocket.Conn, size int) {
	t.Helper()
	part := make([]byte, reportEvery)
	w := begin(t, c, part)
	for range size/len(part) - 1 {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for hear(t, c).SHA256 == "" {
	}
}

// peak is the most memory that a process has had, in bytes, with what libraries are
// mapped. Where the system does not tell, the test is skipped.
func peak(t *testing.T, pid int) (n int64) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip(err)
	}
	_, rest, found := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(rest, &n); !found || err != nil {
		t.Skipf("no peak in the status: %v", err)
	}
	return n << 10
}

func TestUploadBeyondTheLimitIsRefusedAndLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	p := exampletest.Start(t, "-dir="+dir, "-max=100000")
	c := exampletest.Dial(t, p.URL+"upload", nil)
	w := begin(t, c, make([]byte, 60_000)) // in time to be stored
	if _, err := w.Write(make([]byte, 60_000)); err != nil {
		t.Fatal(err)
	}
	exampletest.ExpectClose(t, c, websocket.StatusMessageTooBig)
	p.Stop(t)
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestUploadCutShortLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	p := exampletest.Start(t, "-dir="+dir)
	c := exampletest.Dial(t, p.URL+"upload", nil)
	begin(t, c, make([]byte, 3*reportEvery))
	hear(t, c) // it is under way
	if err := c.CloseNow(); err != nil {
		t.Error(err)
	}
	p.Stop(t)
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
