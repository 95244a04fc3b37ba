package handshake

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// An AnswerError is a rule that a server's answer breaks. The client fails the connection. The
// exported ones are made once, for errors.Is.
type AnswerError struct {
	Rule    string // what was broken, in words
	Section string // where it is written, such as "RFC 6455 4.1"
	Value   string // what the answer had, quoted and cut; "" if that says nothing

	rule *AnswerError // the exported one, or nil
}

// The rules for answers.
var (
	ErrAnswerStatus      = &AnswerError{Rule: "the answer's status is not 101", Section: "RFC 6455 4.1"}
	ErrAnswerVersion     = &AnswerError{Rule: "the answer is not of HTTP/1.1", Section: "RFC 6455 4.2.2"}
	ErrAnswerUpgrade     = &AnswerError{Rule: "the answer's Upgrade does not list websocket", Section: "RFC 6455 4.1"}
	ErrAnswerConnection  = &AnswerError{Rule: "the answer's Connection does not list Upgrade", Section: "RFC 6455 4.1"}
	ErrAnswerAccept      = &AnswerError{Rule: "the answer's Sec-WebSocket-Accept does not fit the key", Section: "RFC 6455 4.1"}
	ErrAnswerSubprotocol = &AnswerError{Rule: "the answer's Sec-WebSocket-Protocol is not one of those offered", Section: "RFC 6455 4.1"}
	ErrAnswerLines       = &AnswerError{Rule: "the answer has more than 100 field lines", Section: "RFC 9110 5.4"}
	ErrAnswerSize        = &AnswerError{Rule: "the answer's fields have more than 8 KiB", Section: "RFC 9110 5.4"}
)

// The rules for what a program offers.
var (
	ErrSubprotocolName  = errors.New("subprotocol is not a token (RFC 6455 4.1)")
	ErrSubprotocolTwice = errors.New("subprotocol stands twice (RFC 6455 4.1)")
)

// Error names the rule, what the answer had, and the section.
func (e *AnswerError) Error() string {
	if e.Value == "" {
		return "framerail: " + e.Rule + " (" + e.Section + ")"
	}
	return "framerail: " + e.Rule + ": " + e.Value + " (" + e.Section + ")"
}

// Unwrap lets errors.Is find the exported error.
func (e *AnswerError) Unwrap() error {
	if e.rule == nil {
		return nil
	}
	return e.rule
}

// valueMost is how much of a value an error quotes, in bytes.
const valueMost = 100

// of is the rule, broken by that value.
func (e *AnswerError) of(value string) *AnswerError {
	if len(value) > valueMost {
		value = value[:valueMost] + "…"
	}
	return &AnswerError{Rule: e.Rule, Section: e.Section, Value: strconv.Quote(value), rule: e}
}

func (e *AnswerError) ofNumber(n int) *AnswerError {
	return &AnswerError{Rule: e.Rule, Section: e.Section, Value: strconv.Itoa(n), rule: e}
}

// ofLines is the rule, broken by the lines of a field.
func (e *AnswerError) ofLines(lines []string) *AnswerError {
	if len(lines) == 0 {
		return &AnswerError{Rule: e.Rule, Section: e.Section, Value: "there is none", rule: e}
	}
	return e.of(strings.Join(lines, ", "))
}

// quoted names a thing with its value, which may hold any bytes.
func quoted(what, value string) string { return fmt.Sprintf("%s %q", what, value) }
