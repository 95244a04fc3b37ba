package frame

import "testing"

// RFC 6455 5.2 and 11.8, all sixteen.
func TestOpcode(t *testing.T) {
	for _, c := range []struct {
		op                      Opcode
		name                    string
		control, data, reserved bool
	}{
		{Continuation, "Continuation", false, true, false},
		{Text, "Text", false, true, false},
		{Binary, "Binary", false, true, false},
		{3, "Opcode(3)", false, false, true},
		{4, "Opcode(4)", false, false, true},
		{5, "Opcode(5)", false, false, true},
		{6, "Opcode(6)", false, false, true},
		{7, "Opcode(7)", false, false, true},
		{Close, "Close", true, false, false},
		{Ping, "Ping", true, false, false},
		{Pong, "Pong", true, false, false},
		{11, "Opcode(11)", true, false, true},
		{12, "Opcode(12)", true, false, true},
		{13, "Opcode(13)", true, false, true},
		{14, "Opcode(14)", true, false, true},
		{15, "Opcode(15)", true, false, true},
	} {
		if got := c.op.String(); got != c.name {
			t.Errorf("%d: String is %q, want %q", c.op, got, c.name)
		}
		if c.op.IsControl() != c.control || c.op.isData() != c.data || c.op.isReserved() != c.reserved {
			t.Errorf("%v: IsControl %v, isData %v, isReserved %v", c.op, c.op.IsControl(), c.op.isData(), c.op.isReserved())
		}
	}
}
