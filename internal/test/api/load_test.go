package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/framerail/framerail/internal/test/source"
)

const (
	module = "github.com/framerail/framerail"
	root   = "../../.." // of the repository, from here
)

// public are the packages that programs import. One in a module of its own is only there in
// a checkout, where the workspace joins it to the others.
var public = []string{"mask", "frame", "frame/deflate", "poller", "conn", "conn/wsjson", "server", "client", "topics", "topics/brokertest", "server/servertest", "server/xconnect", "server/promstats", "topics/nats", "topics/nats/embedded", "topics/redis"}

// apart are those in modules of their own.
var apart = map[string]bool{"server/promstats": true, "topics/nats": true, "topics/nats/embedded": true, "topics/redis": true}

// listed is what the tests read of one package in the answer of go list.
type listed struct {
	ImportPath, Name, Export string
	Incomplete               bool
	Error                    *struct{ Err string }
	DepsErrors               []*struct{ Err string }
}

// goList lists packages with the files of their export data.
func goList(dir string, env []string, args ...string) ([]listed, error) {
	if _, err := source.Files(root); err != nil { // looked into, so that tests run again when one has changed
		return nil, err
	}
	cmd := exec.Command("go", append([]string{"list", "-e", "-export", "-json=ImportPath,Name,Export,Incomplete,Error,DepsErrors"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", cmd, err, &stderr)
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var l listed
		if err := dec.Decode(&l); err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// load reads the types of all public packages, by their paths below the module.
var load = sync.OnceValues(func() (map[string]*types.Package, error) {
	workspace := inWorkspace()
	all, err := goList(root, nil, "-deps", module+"/...")
	if err != nil {
		return nil, err
	}
	exports := map[string]string{}
	for _, l := range all {
		exports[l.ImportPath] = l.Export
	}
	imports := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	read := map[string]*types.Package{}
	for _, name := range public {
		path := module + "/" + name
		if exports[path] == "" {
			if apart[name] && !workspace {
				continue
			}
			return nil, fmt.Errorf("go list has no export data of %s", path)
		}
		if read[name], err = imports.Import(path); err != nil {
			return nil, err
		}
	}
	return read, nil
})

// inWorkspace reports whether go list sees the other modules, too.
func inWorkspace() bool {
	_, err := os.Stat(filepath.Join(root, "go.work"))
	return err == nil && os.Getenv("GOWORK") != "off"
}

// loaded is load for a test that needs the packages.
func loaded(t *testing.T) map[string]*types.Package {
	t.Helper()
	read, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// A public package that is missing from the list would not be looked at.
func TestPublic_IsEveryPackageThatProgramsCanImport(t *testing.T) {
	all, err := goList(root, nil, "./...")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"": true}
	for _, name := range public {
		known[name] = true
	}
	for _, l := range all {
		name := strings.TrimPrefix(strings.TrimPrefix(l.ImportPath, module), "/")
		if !known[name] && !strings.HasPrefix(name, "internal/") && !strings.Contains(name, "/internal/") && l.Name != "main" {
			t.Errorf("%s is public, but not in the list", l.ImportPath)
		}
	}
}
