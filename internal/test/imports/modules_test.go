package imports

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// modFile is what is looked at of a go.mod, and of go.work.
type modFile struct {
	Use     []struct{ DiskPath string }
	Require []struct{ Path, Version string }
	Replace []struct {
		Old, New struct{ Path, Version string }
	}
}

// edit reads a go.mod or, with "work", a go.work.
func edit(t *testing.T, kind, file string) (read modFile) {
	t.Helper()
	cmd := exec.Command("go", kind, "edit", "-json", file)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	if err := json.Unmarshal(out, &read); err != nil {
		t.Fatal(err)
	}
	return read
}

// Go installs no program from a module that replaces another, and looks for the version
// that a go.mod requires. So each go.mod names one version of the modules beside it, and
// go.work alone puts their folders in its place.
func TestModules_CanBeInstalled(t *testing.T) {
	const house = "../../.."
	if _, err := os.Stat(filepath.Join(house, "go.work")); err != nil {
		t.Skip("the module alone, without the others of the workspace")
	}
	work := edit(t, "work", filepath.Join(house, "go.work"))
	replaced := map[string]string{} // path and version to folder
	versions := map[string]bool{}
	for _, r := range work.Replace {
		replaced[r.Old.Path+" "+r.Old.Version] = filepath.Clean(r.New.Path)
		versions[r.Old.Version] = true
	}
	if len(versions) != 1 || versions["v0.0.0"] || versions[""] {
		t.Errorf("go.work replaces versions %v, want one that can be released", versions)
	}

	for _, use := range work.Use {
		mod := edit(t, "mod", filepath.Join(house, use.DiskPath, "go.mod"))
		for _, r := range mod.Replace {
			t.Errorf("%s/go.mod replaces %s", use.DiskPath, r.Old.Path)
		}
		for _, r := range mod.Require {
			folder, own := strings.CutPrefix(r.Path+"/", module+"/")
			if own && replaced[r.Path+" "+r.Version] != filepath.Clean(folder) {
				t.Errorf("%s/go.mod requires %s %s, for which go.work has no folder", use.DiskPath, r.Path, r.Version)
			}
		}
	}
}

// The README's first command is for people with empty caches: it downloads what the
// library requires and no more.
func TestModules_FirstCommandIsLight(t *testing.T) {
	if _, err := os.Stat("../../../go.work"); err != nil {
		t.Skip("the module alone, without the others of the workspace")
	}
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./cmd/examples/chat")
	cmd.Dir = "../../.."
	cmd.Env = append(cmd.Environ(), "GOWORK=") // of the tree, whatever this test runs with
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	for _, path := range strings.Fields(string(out)) {
		own := path == module || strings.HasPrefix(path, module+"/")
		if !own && !slices.Contains(required, path) {
			t.Errorf("go run ./cmd/examples/chat needs %s", path)
		}
	}
}
