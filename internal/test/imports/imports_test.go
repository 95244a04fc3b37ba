package imports

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/framerail/framerail/internal/test/source"
)

const module = "github.com/framerail/framerail"

// allowed says what each package may import of this module; one that is missing
// here may not exist. ARCHITECTURE.md draws the same.
var allowed = map[string][]string{
	"":                         {},
	"mask":                     {"internal/race"},
	"frame":                    {"mask", "internal/race"},
	"frame/deflate":            {"frame", "internal/token"},
	"poller":                   {"internal/inject", "internal/kqueue"},
	"internal/race":            {},
	"internal/test/allocs":     {},
	"internal/test/child":      {},
	"internal/test/loopback":   {},
	"internal/test/missing":    {},
	"internal/test/port":       {},
	"internal/test/fence":      {},
	"internal/test/versus":     {},
	"internal/inject":          {},
	"internal/buffer":          {},
	"internal/wheel":           {},
	"internal/guard":           {},
	"internal/socket":          {"internal/inject", "internal/transport"},
	"internal/transport":       {},
	"internal/handshake":       {"frame/deflate", "internal/token"},
	"internal/test/source":     {},
	"internal/test/sizes":      {},
	"internal/test/api":        {},
	"internal/test/glossary":   {},
	"internal/test/imports":    {},
	"internal/kqueue":          {},
	"internal/test/tlsrecords": {},
	"internal/test/testcert":   {},
	"internal/token":           {},
	"internal/test/leaks":      {"internal/buffer"},
	"internal/stacktrace":      {},
	"internal/sampler":         {"frame"},
	"internal/test/lives":      {"conn", "frame", "frame/deflate", "server", "server/servertest", "internal/test/testcert"},
	"internal/proxyproto":      {},
	"internal/forwarded":       {"internal/token"},
	"internal/gate":            {"internal/buffer", "internal/guard", "internal/handshake", "internal/platform", "internal/secure", "internal/session", "internal/transport"},
	"internal/nethttp":         {"internal/gate", "internal/guard", "internal/handshake", "internal/loop", "internal/platform", "internal/proxyproto", "internal/secure", "internal/session", "internal/transport"},
	"internal/memory":          {"internal/buffer", "internal/guard", "internal/platform"},
	"internal/relay":           {"internal/buffer", "internal/socket", "internal/transport", "poller"},
	"internal/platform":        {"internal/relay", "internal/socket", "internal/transport", "poller"},
	"internal/secure":          {"internal/buffer", "internal/guard", "internal/transport"},
	"internal/session":         {"frame", "frame/deflate", "mask", "internal/buffer", "internal/guard", "internal/session/sendq", "internal/stacktrace", "internal/transport"},
	"internal/session/sendq":   {"frame", "mask", "internal/buffer"},
	"internal/loop": {"frame", "poller", "internal/buffer", "internal/guard", "internal/memory", "internal/platform", "internal/session", "internal/stacktrace",
		"internal/transport", "internal/wheel"},
	"internal/callbacks": {"conn", "internal/session"},
	"internal/phase": {"frame", "poller", "internal/buffer", "internal/gate", "internal/handshake", "internal/loop", "internal/memory", "internal/platform", "internal/proxyproto", "internal/secure",
		"internal/session", "internal/transport"},
	"conn":        {"frame", "frame/deflate", "internal/session"},
	"conn/wsjson": {"conn"},
	"client": {"conn", "frame", "frame/deflate",
		"internal/buffer", "internal/callbacks", "internal/gate", "internal/handshake", "internal/loop", "internal/memory", "internal/nethttp", "internal/platform", "internal/sampler", "internal/secure", "internal/session"},
	"server": {"conn", "frame", "frame/deflate",
		"internal/buffer", "internal/callbacks", "internal/forwarded", "internal/gate", "internal/guard", "internal/handshake", "internal/loop", "internal/memory", "internal/nethttp", "internal/phase", "internal/platform", "internal/sampler", "internal/secure",
		"internal/session", "internal/stacktrace", "internal/transport"},
	"topics":            {"conn", "frame", "internal/sampler", "internal/session", "internal/stacktrace"},
	"topics/brokertest": {"topics"},
	"server/xconnect":   {},
	"server/servertest": {"internal/transport", "conn", "frame", "frame/deflate", "mask", "poller", "server", "internal/handshake", "internal/loop", "internal/platform"},
}

// outside says what each package may import that is neither of this module nor of
// the standard library.
var outside = map[string][]string{
	"poller":              {"golang.org/x/sys/unix"},
	"internal/socket":     {"golang.org/x/sys/unix"},
	"internal/kqueue":     {"golang.org/x/sys/unix"},
	"mask":                {"golang.org/x/sys/cpu"},
	"frame":               {"golang.org/x/sys/cpu"},
	"internal/test/fence": {"golang.org/x/sys/unix"},
	"frame/deflate":       {"github.com/klauspost/compress/flate"},
}

// portable are the packages that leave all calls on sockets to internal/platform: none imports
// package syscall, which is how one would get at a descriptor.
var portable = []string{"client", "conn", "frame", "server", "internal/gate", "internal/loop", "internal/nethttp", "internal/phase", "internal/secure", "internal/session"}

// required is what the module may require.
var required = []string{"golang.org/x/sys", "github.com/klauspost/compress"}

// systems are those whose files are looked at: what one system's file imports,
// another's build does not see.
var systems = []string{"linux", "darwin", "openbsd", "windows"}

type pkg struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func list(t *testing.T, system string) (pkgs []pkg) {
	t.Helper()
	if _, err := source.Files("../../.."); err != nil { // looked into, so that this runs again when one has changed
		t.Fatal(err)
	}
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", module+"/...")
	cmd.Env = append(cmd.Environ(), "GOOS="+system, "GOWORK=off", "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, &stderr)
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	if len(pkgs) < len(allowed) {
		t.Fatalf("%d packages listed for %s, want %d at least", len(pkgs), system, len(allowed))
	}
	return pkgs
}

func TestImports_PointOneWay(t *testing.T) {
	for _, system := range systems {
		for _, p := range list(t, system) {
			checkImports(t, system, p)
		}
	}
}

func checkImports(t *testing.T, system string, p pkg) {
	t.Helper()
	name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
	inside, known := allowed[name]
	if !known {
		t.Errorf("package %q has no place in the house", name)
		return
	}
	for _, path := range p.Imports {
		if !permitted(path, inside, outside[name]) {
			t.Errorf("%s (%s) imports %s", name, system, path)
		}
	}
	if slices.Contains(portable, name) && slices.Contains(p.Imports, "syscall") {
		t.Errorf("%s (%s) imports syscall: calls on sockets are internal/platform's", name, system)
	}
	// Tests may use what the code uses, and the module's own packages from above or
	// beside, but no other module than the code does.
	for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
		own := path == module || strings.HasPrefix(path, module+"/")
		if !own && !permitted(path, nil, []string{"golang.org/x/sys/unix"}) {
			t.Errorf("a test of %s (%s) imports %s", name, system, path)
		}
	}
}

// permitted tells whether an import is of the standard library or among those
// named.
func permitted(path string, inside, outside []string) bool {
	if own, ok := strings.CutPrefix(path, module+"/"); ok {
		return slices.Contains(inside, own)
	}
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") || slices.Contains(outside, path)
}

// The rule itself must be able to fail.
func TestImports_NewArrowsFail(t *testing.T) {
	for _, arrow := range [][2]string{
		{"mask", module + "/frame"}, {"frame", module + "/conn"}, {"conn", module + "/server"}, {"internal/session", module + "/server"}, {"internal/phase", module + "/server"}, {"internal/phase", module + "/internal/nethttp"}, {"internal/loop", module + "/internal/phase"},
		{"topics", module + "/internal/loop"}, {"topics", module + "/server"}, {"internal/session", module + "/poller"}, {"internal/session", module + "/internal/socket"}, {"internal/secure", module + "/internal/session"}, {"internal/platform", module + "/internal/session"}, {"poller", module + "/server"},
		{"frame", "golang.org/x/sys/unix"}, {"server", module + "/internal/socket"}, {"server", "github.com/someone/else"},
	} {
		if permitted(arrow[1], allowed[arrow[0]], outside[arrow[0]]) {
			t.Errorf("%s may import %s", arrow[0], arrow[1])
		}
	}
	for _, arrow := range [][2]string{{"frame", module + "/mask"}, {"server", "net/http"}, {"poller", "golang.org/x/sys/unix"}} {
		if !permitted(arrow[1], allowed[arrow[0]], outside[arrow[0]]) {
			t.Errorf("%s may not import %s", arrow[0], arrow[1])
		}
	}
}

func TestModule_RequiresNothingElse(t *testing.T) {
	cmd := exec.Command("go", "mod", "edit", "-json")
	cmd.Dir = "../../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	var mod struct {
		Module  struct{ Path string }
		Require []struct{ Path string }
		Replace []struct{ Old struct{ Path string } }
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	if mod.Module.Path != module || len(mod.Require) == 0 {
		t.Errorf("module %s requires %v", mod.Module.Path, mod.Require)
	}
	for _, r := range mod.Require {
		if !slices.Contains(required, r.Path) {
			t.Errorf("the module requires %s", r.Path)
		}
	}
	for _, r := range mod.Replace {
		t.Errorf("the module replaces %s", r.Old.Path)
	}
}

// The tests of every package end with a look for goroutines, descriptors and lent buffers.
func TestLeaks_EveryPackageLooksForThem(t *testing.T) {
	for _, p := range list(t, "linux") {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		tests := slices.Concat(p.TestImports, p.XTestImports)
		if name == "" || strings.HasPrefix(name, "internal/test/") || len(tests) == 0 {
			continue
		}
		if !slices.Contains(tests, module+"/internal/test/leaks") {
			t.Errorf("%s has tests, and no TestMain that calls leaks.Main", name)
		}
	}
}
