package api

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"
)

// reach walks from what a package exports to every type that a program can get hold of: in
// a field, as an argument, as a result, or as any of that of such a type.
type reach struct {
	seen map[types.Type]bool
	way  []string // to where the walk is
	hits map[string]string
}

func (r *reach) object(obj types.Object) {
	r.way = append(r.way, obj.Name())
	r.typ(obj.Type())
	r.way = r.way[:len(r.way)-1]
}

func (r *reach) typ(typ types.Type) {
	if r.seen[typ] {
		return
	}
	r.seen[typ] = true
	switch typ := typ.(type) {
	case *types.Alias:
		r.typ(types.Unalias(typ))
	case *types.Named:
		r.named(typ)
	case *types.Struct:
		for f := range typ.Fields() {
			if f.Exported() {
				r.object(f)
			}
		}
	case *types.Interface:
		for m := range typ.Methods() {
			if m.Exported() {
				r.object(m)
			}
		}
	case *types.Signature:
		r.signature(typ)
	case *types.Map:
		r.typ(typ.Key())
		r.typ(typ.Elem())
	case interface{ Elem() types.Type }: // a pointer, a slice, an array, a channel
		r.typ(typ.Elem())
	}
}

func (r *reach) signature(f *types.Signature) {
	for tuple := range slices.Values([]*types.Tuple{f.Params(), f.Results()}) {
		for v := range tuple.Variables() {
			r.typ(v.Type())
		}
	}
}

// named notes a type of an internal package, and goes on to what can be done with a type of
// this module. What other modules and the standard library have is theirs.
func (r *reach) named(typ *types.Named) {
	pkg := typ.Obj().Pkg()
	for arg := range typ.TypeArgs().Types() {
		r.typ(arg)
	}
	if pkg == nil {
		return
	}
	own, ok := strings.CutPrefix(pkg.Path(), module+"/")
	if !ok {
		return
	}
	if strings.HasPrefix(own, "internal/") {
		r.hits[own+"."+typ.Obj().Name()] = strings.Join(r.way, ".")
	}
	for _, m := range methodsOf(typ) {
		r.object(m.Obj())
	}
	r.typ(typ.Underlying())
}

// walk returns the internal types that a package hands out, each with the way there.
func walk(pkg *types.Package) map[string]string {
	r := reach{seen: map[types.Type]bool{}, hits: map[string]string{}}
	for _, exported := range pkg.Scope().Names() {
		if obj := pkg.Scope().Lookup(exported); obj.Exported() {
			r.object(obj)
		}
	}
	return r.hits
}

// What a program cannot get hold of, it cannot use wrongly: no internal type is handed out,
// in whatever way, so that everything a program can call is in the files of the folder api.
func TestReach_EndsAtTheFace(t *testing.T) {
	for name, pkg := range loaded(t) {
		for internal, way := range walk(pkg) {
			t.Errorf("%s hands out %s: %s", name, internal, way)
		}
	}
}

// The walk itself must be able to find something.
func TestReach_FindsWhatIsHandedOut(t *testing.T) {
	const inside, face = module + "/internal/machine", module + "/face"
	packages := map[string]*types.Package{}
	for _, p := range []struct{ path, code string }{
		{inside, `package machine
			type Conn struct{ Embedded }
			type Embedded struct{ owned int }
			func (*Conn) Turn() {}
			func (*Embedded) Read() Result { return 0 }
			type (Result int; Field int; Argument int; Element int; Kept int)`},
		{face, `package face
			import "` + inside + `"
			type Conn machine.Conn // keeps what is promoted
			type Options struct { Field machine.Field; kept machine.Kept; Logger interface { Log(machine.Argument) } }
			var All map[string][]chan *machine.Element
			func kept(machine.Kept) {}`},
	} {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, "p.go", p.code, 0)
		if err != nil {
			t.Fatal(err)
		}
		config := types.Config{Importer: importing(packages)}
		if packages[p.path], err = config.Check(p.path, set, []*ast.File{f}, nil); err != nil {
			t.Fatal(err)
		}
	}
	hits := walk(packages[face])
	for name, want := range map[string]bool{"Conn": false, "Embedded": true, "Result": true, "Field": true, "Argument": true, "Element": true, "Kept": false} {
		if way, found := hits["internal/machine."+name]; found != want {
			t.Errorf("%s: found %v by %q, want %v", name, found, way, want)
		}
	}
}

// importing has packages that are known.
type importing map[string]*types.Package

func (known importing) Import(path string) (*types.Package, error) { return known[path], nil }
