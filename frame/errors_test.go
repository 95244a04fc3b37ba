package frame

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

var peerErrors = []struct {
	err  *Error
	code CloseCode
}{
	{errReservedBits, 1002},
	{errReservedOpcode, 1002},
	{errFragmentedControl, 1002},
	{errControlTooLong, 1002},
	{errUnmasked, 1002},
	{errMasked, 1002},
	{errNonMinimalLength, 1002},
	{errLengthTopBit, 1002},
	{errUnexpectedContinuation, 1002},
	{errExpectedContinuation, 1002},
	{ErrInvalidUTF8, 1007},
	{ErrMessageTooBig, 1009},
	{ErrTooManyFragments, 1008},
	{errCloseLength, 1002},
	{errCloseCode, 1002},
	{errCloseReasonUTF8, 1007},
}

func TestErrorNamesRuleSectionAndCode(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range peerErrors {
		if c.err.Code != c.code {
			t.Errorf("%v: code %d, want %d", c.err, c.err.Code, c.code)
		}
		if !c.err.Code.onWire() {
			t.Errorf("%v: its code may not be sent", c.err)
		}
		msg := c.err.Error()
		for _, part := range []string{"framerail: ", c.err.Rule, "RFC 6455 ", c.err.Section, fmt.Sprint(uint16(c.code))} {
			if !strings.Contains(msg, part) {
				t.Errorf("%q does not contain %q", msg, part)
			}
		}
		if seen[msg] {
			t.Errorf("two errors say %q", msg)
		}
		seen[msg] = true
		if len(c.err.Rule) > maxCloseReason {
			t.Errorf("%q is too long for the reason of a Close frame", c.err.Rule)
		}
	}
}

func TestErrorWorksWithIsAndAs(t *testing.T) {
	wrapped := fmt.Errorf("reading: %w", errUnmasked)
	if !errors.Is(wrapped, errUnmasked) || errors.Is(wrapped, errMasked) {
		t.Error("errors.Is does not tell the rules apart")
	}
	var peer *Error
	if !errors.As(wrapped, &peer) || peer.Code != ProtocolError {
		t.Error("errors.As does not find the peer's error")
	}
	var own *usageError
	if errors.As(wrapped, &own) {
		t.Error("the peer's fault is taken for the caller's")
	}
}

func TestUsageErrorIsNotThePeers(t *testing.T) {
	for _, err := range []*usageError{errSendCloseCode, errSendCloseNoCode, errSendCloseReasonLong, errSendCloseReasonUTF8} {
		wrapped := fmt.Errorf("closing: %w", err)
		var peer *Error
		if errors.As(wrapped, &peer) {
			t.Errorf("%v: taken for the peer's fault", err)
		}
		if !errors.Is(wrapped, err) {
			t.Errorf("%v: errors.Is does not find it", err)
		}
		if msg := err.Error(); !strings.Contains(msg, err.Rule) || !strings.Contains(msg, err.Section) {
			t.Errorf("%q does not name rule and section", msg)
		}
	}
}
