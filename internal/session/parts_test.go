package session

import (
	"reflect"
	"testing"
)

// leadsTo tells whether a value of one type holds another's: in itself, or behind pointers,
// slices, maps and channels. What an interface or a function holds is not known.
func leadsTo(from, to reflect.Type, seen map[reflect.Type]bool) bool {
	if from == to {
		return true
	}
	if seen[from] {
		return false
	}
	seen[from] = true
	switch from.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
		return leadsTo(from.Elem(), to, seen)
	case reflect.Map:
		return leadsTo(from.Key(), to, seen) || leadsTo(from.Elem(), to, seen)
	case reflect.Struct:
		for i := range from.NumField() {
			if leadsTo(from.Field(i).Type, to, seen) {
				return true
			}
		}
	}
	return false
}

// A part of a connection begins with the part below it, and nothing that it has leads to the
// part above. So it can be read without that one.
func TestParts_KnowOnlyWhatIsBelow(t *testing.T) {
	parts := []reflect.Type{
		reflect.TypeFor[link](), reflect.TypeFor[closing](), reflect.TypeFor[writing](), reflect.TypeFor[sending](), reflect.TypeFor[Conn](),
		reflect.TypeFor[calling](), reflect.TypeFor[timing](), reflect.TypeFor[reading](), reflect.TypeFor[expiring](), reflect.TypeFor[Driver](),
	}
	for i, above := range parts[1:] {
		below := parts[i]
		if first := above.Field(0); first.Type != below || !first.Anonymous {
			t.Errorf("%v begins with %v, and not with %v", above, first.Type, below)
		}
		if leadsTo(below, above, map[reflect.Type]bool{}) {
			t.Errorf("%v leads to %v", below, above)
		}
	}
	if !leadsTo(reflect.TypeFor[inbox](), reflect.TypeFor[Conn](), map[reflect.Type]bool{}) {
		t.Error("what leads to a Conn is not found")
	}
}
