package api

import (
	"fmt"
	goconstant "go/constant"
	"go/types"
	"slices"
	"strings"
	"time"
)

// declared is the face of one package.
type declared struct {
	lines                               []string
	types, funcs, methods, consts, vars int
}

// names is how many identifiers a reader of the package's documentation meets. Fields of
// structs and methods of interfaces come with their types and do not count.
func (d *declared) names() int { return d.types + d.funcs + d.methods + d.consts + d.vars }

// declare lists the exported declarations of a package: constants, variables, functions,
// and then each type with the fields and methods that programs can reach, whether they are
// declared here, promoted, or those of the type that an alias names.
func declare(pkg *types.Package) *declared {
	d := new(declared)
	var consts, vars, funcs []string
	var named []*types.TypeName
	short := qualifier(pkg)
	for _, name := range pkg.Scope().Names() {
		obj := pkg.Scope().Lookup(name)
		if !obj.Exported() {
			continue
		}
		switch obj := obj.(type) {
		case *types.Const:
			consts = append(consts, constant(obj, short))
		case *types.Var:
			vars = append(vars, fmt.Sprintf("var %s %s", name, types.TypeString(obj.Type(), short)))
		case *types.Func:
			funcs = append(funcs, types.ObjectString(obj, short))
		case *types.TypeName:
			named = append(named, obj)
		}
	}
	d.consts, d.vars, d.funcs = len(consts), len(vars), len(funcs)
	d.lines = slices.Concat(consts, vars, funcs)
	for _, name := range named {
		d.declareType(name, short)
	}
	return d
}

// constant writes a constant with its type, unless it is untyped, and its value.
func constant(c *types.Const, short types.Qualifier) string {
	typ, value := " "+types.TypeString(c.Type(), short), c.Val().ExactString()
	if b, ok := c.Type().(*types.Basic); ok && b.Info()&types.IsUntyped != 0 {
		typ = ""
	}
	if typ == " time.Duration" {
		n, _ := goconstant.Int64Val(c.Val())
		value = time.Duration(n).String()
	}
	return fmt.Sprintf("const %s%s = %s", c.Name(), typ, value)
}

// qualifier writes a type of pkg without its package, one of an internal package with the
// package's path, and any other with the package's name.
func qualifier(pkg *types.Package) types.Qualifier {
	return func(other *types.Package) string {
		own, ok := strings.CutPrefix(other.Path(), module+"/")
		switch {
		case other == pkg:
			return ""
		case ok && strings.HasPrefix(own, "internal/"):
			return own
		}
		return other.Name()
	}
}

func (d *declared) declareType(name *types.TypeName, short types.Qualifier) {
	d.types++
	head := "type " + name.Name()
	typ := types.Unalias(name.Type())
	if name.IsAlias() {
		head += " = " + types.TypeString(typ, short)
	}
	switch under := typ.Underlying().(type) {
	case *types.Struct:
		d.lines = append(d.lines, head+" struct")
		for f := range under.Fields() {
			if f.Exported() {
				d.lines = append(d.lines, fmt.Sprintf("field %s.%s %s", name.Name(), f.Name(), types.TypeString(f.Type(), short)))
			}
		}
	case *types.Interface:
		d.lines = append(d.lines, head+" interface")
		for m := range under.Methods() {
			d.lines = append(d.lines, method(name.Name(), m, short))
		}
		return
	default:
		d.lines = append(d.lines, head+" "+types.TypeString(under, short))
	}
	for _, sel := range methodsOf(typ) {
		receiver := name.Name()
		if _, ok := sel.Obj().(*types.Func).Signature().Recv().Type().(*types.Pointer); ok {
			receiver = "*" + receiver
		}
		d.lines = append(d.lines, method(receiver, sel.Obj().(*types.Func), short))
		if !aliasOfPublic(name) {
			d.methods++
		}
	}
}

// aliasOfPublic reports whether a name stands for a type of another public package, with
// which its methods are counted.
func aliasOfPublic(name *types.TypeName) bool {
	named, ok := types.Unalias(name.Type()).(*types.Named)
	if !ok || !name.IsAlias() || named.Obj().Pkg() == nil {
		return false
	}
	own, ok := strings.CutPrefix(named.Obj().Pkg().Path(), module+"/")
	return ok && slices.Contains(public, own)
}

// methodsOf are the exported methods that can be called on an addressable value.
func methodsOf(typ types.Type) (exported []*types.Selection) {
	for sel := range types.NewMethodSet(types.NewPointer(typ)).Methods() {
		if sel.Obj().Exported() {
			exported = append(exported, sel)
		}
	}
	return exported
}

func method(receiver string, f *types.Func, short types.Qualifier) string {
	signature := types.TypeString(f.Type(), short)
	return fmt.Sprintf("method (%s) %s%s", receiver, f.Name(), strings.TrimPrefix(signature, "func"))
}
