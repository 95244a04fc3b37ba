package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// mutation is a change of one file.
type mutation struct {
	pkg        *pkg
	file       string
	line       int
	kind       string
	start, end int // of what is replaced
	old, new   string
}

func (m mutation) String() string {
	return fmt.Sprintf("%s/%s:%d %s: `%s` becomes `%s`", m.pkg.name(), filepath.Base(m.file), m.line, m.kind, oneLine(m.old), oneLine(m.new))
}

// operators are those that another takes the place of.
var operators = map[token.Token]struct {
	kind string
	by   token.Token
}{
	token.LSS: {"boundary", token.LEQ}, token.LEQ: {"boundary", token.LSS},
	token.GTR: {"boundary", token.GEQ}, token.GEQ: {"boundary", token.GTR},
	token.EQL: {"comparison", token.NEQ}, token.NEQ: {"comparison", token.EQL},
	token.LAND: {"logic", token.LOR}, token.LOR: {"logic", token.LAND},
	token.ADD: {"arithmetic", token.SUB}, token.SUB: {"arithmetic", token.ADD},
	token.MUL: {"arithmetic", token.QUO}, token.QUO: {"arithmetic", token.MUL}, token.REM: {"arithmetic", token.MUL},
	token.SHL: {"arithmetic", token.SHR}, token.SHR: {"arithmetic", token.SHL},
	token.AND: {"arithmetic", token.OR}, token.OR: {"arithmetic", token.AND}, token.AND_NOT: {"arithmetic", token.AND},
}

// candidates are all mutations of the packages, in the order of the files.
func candidates(packages []*pkg) (all []mutation, err error) {
	for _, p := range packages {
		for _, name := range p.GoFiles {
			path := filepath.Join(p.Dir, name)
			src, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			files := token.NewFileSet()
			parsed, err := parser.ParseFile(files, path, src, parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			f := finder{pkg: p, files: files, path: path, src: src}
			f.walk(parsed, nil)
			slices.SortStableFunc(f.found, func(a, b mutation) int { return cmp.Compare(a.start, b.start) })
			all = append(all, f.found...)
		}
	}
	return all, nil
}

// draw puts them in the order of a seed: first one of each package, then the rest.
func draw(all []mutation, seed uint64) []mutation {
	rnd := rand.New(rand.NewPCG(seed, 0))
	all = slices.Clone(all)
	rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	seen := make(map[*pkg]bool)
	var first, rest []mutation
	for _, m := range all {
		if !seen[m.pkg] {
			seen[m.pkg] = true
			first = append(first, m)
		} else {
			rest = append(rest, m)
		}
	}
	return append(first, rest...)
}

// finder looks for mutations in one file.
type finder struct {
	pkg   *pkg
	files *token.FileSet
	path  string
	src   []byte
	found []mutation
}

func (f *finder) offset(p token.Pos) int { return f.files.Position(p).Offset }

func (f *finder) text(n ast.Node) string { return string(f.src[f.offset(n.Pos()):f.offset(n.End())]) }

func (f *finder) add(kind string, from, to token.Pos, by string) {
	start, end := f.offset(from), f.offset(to)
	f.found = append(f.found, mutation{
		pkg: f.pkg, file: f.path, line: f.files.Position(from).Line, kind: kind,
		start: start, end: end, old: string(f.src[start:end]), new: by,
	})
}

// walk looks at n, in a function of type in.
func (f *finder) walk(n ast.Node, in *ast.FuncType) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			return n.Tok == token.CONST || n.Tok == token.VAR
		case *ast.FuncDecl:
			if n.Body != nil {
				f.walk(n.Body, n.Type)
			}
			return false
		case *ast.FuncLit:
			f.walk(n.Body, n.Type)
			return false
		case *ast.IfStmt:
			f.add("negated", n.Cond.Pos(), n.Cond.End(), "!("+f.text(n.Cond)+")")
		case *ast.BinaryExpr:
			if o, ok := operators[n.Op]; ok {
				f.add(o.kind, n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), o.by.String())
			}
		case *ast.BasicLit:
			f.literal(n)
		case *ast.Ident:
			if by, ok := map[string]string{"true": "false", "false": "true"}[n.Name]; ok {
				f.add("constant", n.Pos(), n.End(), by)
			}
		case *ast.ReturnStmt:
			f.zeros(n, in)
		case *ast.CaseClause, *ast.BlockStmt, *ast.CommClause:
			f.statements(n)
		}
		return true
	})
}

// literal has a number one more.
func (f *finder) literal(n *ast.BasicLit) {
	if n.Kind != token.INT {
		return
	}
	if v, err := strconv.ParseUint(n.Value, 0, 63); err == nil {
		f.add("constant", n.Pos(), n.End(), strconv.FormatUint(v+1, 10))
	}
}

// statements has one left out, though what it names counts as used.
func (f *finder) statements(n ast.Node) {
	var list []ast.Stmt
	switch n := n.(type) {
	case *ast.BlockStmt:
		list = n.List
	case *ast.CaseClause:
		list = n.Body
	case *ast.CommClause:
		list = n.Body
	}
	for _, s := range list {
		switch s := s.(type) {
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				continue
			}
		case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt, *ast.GoStmt, *ast.SendStmt:
		default:
			continue
		}
		f.add("dropped", s.Pos(), s.End(), "if false { "+f.text(s)+" }")
	}
}

// zeros has a result be the zero value of its type.
func (f *finder) zeros(n *ast.ReturnStmt, in *ast.FuncType) {
	if in == nil || in.Results == nil {
		return
	}
	var types []ast.Expr
	for _, field := range in.Results.List {
		for range max(1, len(field.Names)) {
			types = append(types, field.Type)
		}
	}
	if len(types) != len(n.Results) {
		return
	}
	for i, r := range n.Results {
		if id, ok := r.(*ast.Ident); ok && (id.Name == "nil" || id.Name == "false") {
			continue // is zero
		}
		if l, ok := r.(*ast.BasicLit); ok && (l.Value == "0" || l.Value == `""`) {
			continue
		}
		f.add("zero result", r.Pos(), r.End(), "*new("+f.text(types[i])+")")
	}
}
