package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// modes are the flags of "framerail echo" for each agent: the three ways in which a
// program can take its messages.
var modes = map[string][]string{
	"framerail":            nil,
	"framerail-goroutines": {"--goroutines"},
	"framerail-stream":     {"--stream"},
}

// config is what is needed here of the testsuite's specification.
type config struct {
	Servers []struct{ Agent, URL string }
}

func readConfig(path string) (c config, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	for _, s := range c.Servers {
		if _, known := modes[s.Agent]; !known {
			return c, fmt.Errorf("%s: no flags are known for agent %q", path, s.Agent)
		}
	}
	return c, nil
}

func (c config) agents() (names []string) {
	for _, s := range c.Servers {
		names = append(names, s.Agent)
	}
	return names
}

// servers are the echo servers under test.
type servers struct {
	folder  string
	running []*exec.Cmd
}

// startServers builds the framerail command and starts it once for each agent. The
// caller must stop the servers, after an error too.
func startServers(ctx context.Context, c config) (*servers, error) {
	folder, err := os.MkdirTemp("", "autobahn")
	if err != nil {
		return nil, err
	}
	s := &servers{folder: folder}
	binary := filepath.Join(folder, "framerail")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/framerail/framerail/cmd/framerail")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return s, fmt.Errorf("framerail does not build: %w", err)
	}
	for _, agent := range c.Servers {
		u, err := url.Parse(agent.URL)
		if err != nil {
			return s, err
		}
		args := append([]string{"--log-level", "warn", "echo", "--deflate", "takeover", "--addr", u.Host}, modes[agent.Agent]...)
		if err := s.start(exec.Command(binary, args...)); err != nil {
			return s, fmt.Errorf("%s does not start: %w", agent.Agent, err)
		}
	}
	return s, nil
}

// start starts one server and waits for the line with which it says that it listens.
func (s *servers) start(cmd *exec.Cmd) error {
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.running = append(s.running, cmd)
	_, err = bufio.NewReader(stdout).ReadString('\n')
	return err
}

// stop drains the servers; one that takes too long is killed.
func (s *servers) stop() (err error) {
	if s == nil {
		return nil
	}
	for _, cmd := range s.running {
		err = errors.Join(err, cmd.Process.Signal(syscall.SIGTERM))
	}
	for _, cmd := range s.running {
		late := time.AfterFunc(15*time.Second, func() { _ = cmd.Process.Kill() })
		if e := cmd.Wait(); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", cmd.Args[0], e))
		}
		late.Stop()
	}
	return errors.Join(err, os.RemoveAll(s.folder))
}
