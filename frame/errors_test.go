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
	{ErrReservedBits, 1002},
	{ErrReservedOpcode, 1002},
	{ErrFragmentedControl, 1002},
	{ErrControlTooLong, 1002},
	{ErrUnmasked, 1002},
	{ErrMasked, 1002},
	{ErrNonMinimalLength, 1002},
	{ErrLengthTopBit, 1002},
	{ErrUnexpectedContinuation, 1002},
	{ErrExpectedContinuation, 1002},
	{ErrInvalidUTF8, 1007},
	{ErrMessageTooBig, 1009},
	{ErrTooManyFragments, 1008},
	{ErrCloseLength, 1002},
	{ErrCloseCode, 1002},
	{ErrCloseReasonUTF8, 1007},
}

func TestErrorNamesRuleSectionAndCode(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range peerErrors {
		if c.err.Code != c.code {
			t.Errorf("%v: code %d, want %d", c.err, c.err.Code, c.code)
		}
		if !c.err.Code.OnWire() {
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
		if len(c.err.Rule) > MaxCloseReason {
			t.Errorf("%q is too long for the reason of a Close frame", c.err.Rule)
		}
	}
}

func TestErrorWorksWithIsAndAs(t *testing.T) {
	wrapped := fmt.Errorf("reading: %w", ErrUnmasked)
	if !errors.Is(wrapped, ErrUnmasked) || errors.Is(wrapped, ErrMasked) {
		t.Error("errors.Is does not tell the rules apart")
	}
	var peer *Error
	if !errors.As(wrapped, &peer) || peer.Code != ProtocolError {
		t.Error("errors.As does not find the peer's error")
	}
	var own *UsageError
	if errors.As(wrapped, &own) {
		t.Error("the peer's fault is taken for the caller's")
	}
}

func TestUsageErrorIsNotThePeers(t *testing.T) {
	for _, err := range []*UsageError{ErrSendCloseCode, ErrSendCloseNoCode, ErrSendCloseReasonLong, ErrSendCloseReasonUTF8} {
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
