package client

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// HandshakeError is the error of Dial for an answer that opens no connection: the server has refused
// the request, its answer breaks a rule, or Check does not accept it.
type HandshakeError struct {
	// Status is the HTTP status of the answer, such as 403. It is 101 if the server accepted the
	// request and its answer breaks a rule.
	Status int
	// Header is that of the answer.
	Header http.Header
	// Body is the first KiB of the body, or less if it took too long.
	Body []byte
	// Err is the rule that the answer breaks, with its value and the section of the RFC, or the
	// error of Check. For a refusal it is the rule that the status must be 101.
	Err error
}

// Error returns the status and the beginning of the body, or the rule.
func (e *HandshakeError) Error() string {
	if e.Status == http.StatusSwitchingProtocols {
		return "framerail: handshake failed: " + strings.TrimPrefix(e.Err.Error(), "framerail: ")
	}
	said := fmt.Sprintf("framerail: handshake refused with %d %s", e.Status, http.StatusText(e.Status))
	if line, _, _ := strings.Cut(string(e.Body[:min(len(e.Body), 100)]), "\n"); line != "" {
		said += fmt.Sprintf(": %q", line)
	}
	return said
}

// Unwrap returns Err.
func (e *HandshakeError) Unwrap() error { return e.Err }

// newHandshakeError is the error for an answer, whose body it closes.
func newHandshakeError(resp *http.Response, err error) *HandshakeError {
	e := &HandshakeError{Status: resp.StatusCode, Header: resp.Header, Err: err}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		late := time.AfterFunc(bodyTime, func() { _ = resp.Body.Close() })
		defer late.Stop()
		e.Body, _ = io.ReadAll(io.LimitReader(resp.Body, bodyMost))
	}
	_ = resp.Body.Close()
	return e
}
