package conn

import (
	"reflect"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session"
)

// Values go through unchanged between the face and the machine of a connection.
func TestValuesAreTheMachines(t *testing.T) {
	for face, machine := range map[any]any{
		Connecting: session.Connecting, Open: session.Open, Closing: session.Closing, Closed: session.Closed,
		Nobody: session.Nobody, Local: session.Local, Peer: session.Peer,
		OverflowClose: session.OverflowClose, OverflowRefuse: session.OverflowRefuse,
		OverflowDropOldest: session.OverflowDropOldest, OverflowLatest: session.OverflowLatest,
		OnLoop: session.OnLoop, OnGoroutines: session.OnGoroutines, Adaptive: session.Adaptive,
		Text: frame.Text, Binary: frame.Binary,
	} {
		if got, want := reflect.ValueOf(face).Uint(), reflect.ValueOf(machine).Uint(); got != want {
			t.Errorf("%T %v is %d, and %T is %d", face, face, got, machine, want)
		}
	}
}

// A field of CloseInfo that is added in one place is not forgotten in the other.
func TestCloseInfoHasAllFields(t *testing.T) {
	face, machine := reflect.TypeFor[CloseInfo](), reflect.TypeFor[session.CloseInfo]()
	if face.NumField() != machine.NumField() {
		t.Fatalf("%d fields and %d", face.NumField(), machine.NumField())
	}
	full := session.CloseInfo{By: session.Peer, Sent: 1, Received: 2, Reason: "x", Err: ErrIdle, Unsent: 3, Dropped: 4}
	for i, got := 0, reflect.ValueOf(closeInfo(full)); i < face.NumField(); i++ {
		if got.Field(i).IsZero() {
			t.Errorf("%s is lost", face.Field(i).Name)
		}
	}
}

// A callback that is taken back is gone: a wrapper around nil would be one.
func TestCallbackTakenBack(t *testing.T) {
	if control(nil) != nil {
		t.Error("a nil callback became another")
	}
}
