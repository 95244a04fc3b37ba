package sizes

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/framerail/framerail/internal/test/source"
)

const root = "../../.." // of the repository, from here

// The most there may be.
const (
	maxFields    = 20 // of a struct, unless it is one of options
	maxMethods   = 40 // of a type
	maxFunction  = 60 // lines of a function
	maxFileLines = 400
	// Tests are read one by one, each with its table.
	maxTestFunction  = 90
	maxTestFileLines = 450
)

// measured is one thing that has a size. Its name has its kind and its folder in it:
// "fields server.Server", "function internal/wheel.Wheel.Add".
type measured struct {
	name       string
	size, most int
}

func (m measured) String() string { return fmt.Sprintf("%s: %d, at most %d", m.name, m.size, m.most) }

// survey measures the files of some folders, tests included.
type survey struct {
	found   []measured
	methods map[string]map[string]bool // by type: on some systems a method is in another file
}

func (s *survey) add(kind, name string, size, most int) {
	s.found = append(s.found, measured{kind + " " + name, size, most})
}

// file measures a file, whose name is relative to the root of the repository.
func (s *survey) file(set *token.FileSet, name string, f *ast.File) {
	name = filepath.ToSlash(name)
	folder := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(name)), "./")
	isTest := strings.HasSuffix(name, "_test.go")
	maxLines, maxFunction := maxFileLines, maxFunction
	if isTest {
		maxLines, maxFunction = maxTestFileLines, maxTestFunction
	}
	s.add("file", name, set.File(f.Pos()).LineCount(), maxLines)
	for _, d := range f.Decls {
		d, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		full := folder + "." + d.Name.Name
		if receiver := receiverOf(d); receiver != "" {
			full = folder + "." + receiver + "." + d.Name.Name
			s.method(folder+"."+receiver, d.Name.Name, isTest)
		}
		s.add("function", full, set.Position(d.End()).Line-set.Position(d.Pos()).Line+1, maxFunction)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			if typ, ok := spec.Type.(*ast.StructType); ok {
				s.add("fields", folder+"."+spec.Name.Name, fieldsOf(typ), maxFields)
			}
		}
		return true
	})
}

// method counts one, unless a test adds it to a type for its own ends.
func (s *survey) method(typ, name string, isTest bool) {
	if isTest {
		return
	}
	if s.methods[typ] == nil {
		s.methods[typ] = map[string]bool{}
	}
	s.methods[typ][name] = true
}

// all is everything measured.
func (s *survey) all() []measured {
	all := slices.Clone(s.found)
	for typ, names := range s.methods {
		all = append(all, measured{"methods " + typ, len(names), maxMethods})
	}
	slices.SortFunc(all, func(a, b measured) int { return cmp.Compare(a.name, b.name) })
	return all
}

func receiverOf(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	typ := d.Recv.List[0].Type
	if pointer, ok := typ.(*ast.StarExpr); ok {
		typ = pointer.X
	}
	switch generic := typ.(type) {
	case *ast.IndexExpr:
		typ = generic.X
	case *ast.IndexListExpr:
		typ = generic.X
	}
	return typ.(*ast.Ident).Name
}

// fieldsOf counts the fields of a struct; one that is embedded is one.
func fieldsOf(typ *ast.StructType) (n int) {
	for _, f := range typ.Fields.List {
		n += max(1, len(f.Names))
	}
	return n
}

func measure(t *testing.T) []measured {
	t.Helper()
	files, err := source.Files(root)
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	s := survey{methods: map[string]map[string]bool{}}
	for _, name := range files {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		short, err := filepath.Rel(root, name)
		if err != nil {
			t.Fatal(err)
		}
		s.file(set, short, f)
	}
	return s.all()
}

func TestSizes_CanBeTakenInAtOnce(t *testing.T) {
	excused := map[string]bool{}
	for _, m := range measure(t) {
		if m.size <= m.most {
			continue
		}
		if _, ok := exceptions[m.name]; !ok {
			t.Error(m)
		}
		excused[m.name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(exceptions)) {
		if !excused[name] && isHere(name) {
			t.Errorf("%s is an exception that nothing needs", name)
		}
	}
}

// isHere reports whether the file or the folder of a name can be looked at: the module may be
// alone, without the others of the repository.
func isHere(name string) bool {
	_, path, _ := strings.Cut(name, " ")
	top, _, _ := strings.Cut(path, "/")
	_, err := os.Stat(filepath.Join(root, top))
	return err == nil || top != "bench" && top != "cmd"
}

// The limits themselves must be able to fail.
func TestSizes_OfWhatIsTooLarge(t *testing.T) {
	code := "package p\ntype T struct { a, b int; error; " + strings.Repeat("_ int\n", 18) + "}\n" +
		"func (t *T) long() {\n" + strings.Repeat("t.a++\n", 59) + "}\n"
	for i := range maxMethods {
		code += fmt.Sprintf("func (T) m%d() {}\n", i)
	}
	code += "type G[K any] struct{}\nfunc (G[K]) m() {}\n" + strings.Repeat("\n", maxFileLines)
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "p.go", code, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := survey{methods: map[string]map[string]bool{}}
	s.file(set, "a/p.go", f)
	var large []string
	for _, m := range s.all() {
		if m.size > m.most {
			large = append(large, m.name)
		}
	}
	if want := []string{"fields a.T", "file a/p.go", "function a.T.long", "methods a.T"}; !slices.Equal(large, want) {
		t.Errorf("%q, want %q", large, want)
	}
}
