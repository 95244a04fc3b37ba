package handshake

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// A Refusal is the answer to a request that is not accepted, and the error that
// says why. The exported ones are made once, so that errors.Is tells them
// apart. They must not be changed. A program makes its own for its own reasons.
type Refusal struct {
	// Status is the HTTP status, 300 to 599 but not 304. Others are the
	// program's mistake: see Validate.
	Status int

	// Reason is one line for the log, and the body unless Body is set. It names
	// the rule and its RFC section, never bytes of the request.
	Reason string

	// Header is sent besides Content-Type, Content-Length and Connection. Nil:
	// nothing. A Content-Type here replaces text/plain.
	Header http.Header

	// Body is sent as it is. Empty: Reason and a line feed.
	Body string

	// Cause is the program's error, if the program refused. It is for the log and for the
	// caller of Upgrade, and is never sent. Nil: there is none.
	Cause error

	// rule is the exported refusal that this one stands for, or nil.
	rule *Refusal
	// malformed says that the request was malformed, by whichever rule.
	malformed bool
}

// Error gives the status and the reason.
func (r *Refusal) Error() string {
	return fmt.Sprintf("framerail: handshake refused with %d: %s", r.Status, r.Reason)
}

// Unwrap lets errors.Is find the exported refusal behind one that was made for
// an occasion, such as [Unavailable]'s.
func (r *Refusal) Unwrap() error {
	if r.rule == nil {
		return nil
	}
	return r.rule
}

// Rule is the exported refusal behind one that was made for an occasion, and r
// itself otherwise.
func (r *Refusal) Rule() *Refusal {
	if r.rule == nil {
		return r
	}
	return r.rule
}

// Malformed tells whether r is one of the exported refusals of requests that break
// the rules of HTTP or of the opening handshake, those with status 400.
func (r *Refusal) Malformed() bool { return r.malformed }

// Validate returns the *[CallerError] that keeps the refusal from being sent as
// it is, or nil: a status that is not a refusal, a header name that is not a
// token or is one of those AppendResponse writes itself, a header value with
// CR, LF, NUL or another control byte. The exported refusals are valid.
func (r *Refusal) Validate() error {
	if r.Status < 300 || r.Status > 599 || r.Status == http.StatusNotModified {
		return &CallerError{What: "status " + strconv.Itoa(r.Status), Err: ErrStatus}
	}
	return checkHeader(r.Header, ownedInRefusal)
}

// ownedInRefusal reports whether a field frames the answer. A program may not set these.
func ownedInRefusal(name string) bool {
	return equalFold(name, "Connection") || ownedAlways(name)
}

// AppendResponse appends the whole HTTP/1.1 answer and returns the extended
// slice: status line, Content-Type, Content-Length, Connection: close, the
// headers sorted by name, and the body. If a header names Upgrade, Connection
// lists it as well (RFC 9110 7.8). Date says now, (RFC 9110 6.6.1), unless
// the header has one; a zero now leaves it out.
//
// A refusal that does not pass [Refusal.Validate] is not sent: the answer is a
// plain 500, and the caller logs what Validate says.
func (r *Refusal) AppendResponse(dst []byte, now time.Time) []byte {
	r = r.sendable()
	return append(r.appendHead(dst, now), r.body()...)
}

// AppendHeadResponse is AppendResponse for a HEAD request: the same without the
// body. RFC 9110 9.3.2.
func (r *Refusal) AppendHeadResponse(dst []byte, now time.Time) []byte {
	return r.sendable().appendHead(dst, now)
}

// Answer returns the answer of AppendResponse for net/http, which frames it. The header has
// Content-Type, and Connection if a header names Upgrade. It belongs to the caller.
func (r *Refusal) Answer() (status int, header http.Header, body string) {
	r = r.sendable()
	header = http.Header{"Content-Type": {"text/plain; charset=utf-8"}}
	for name, values := range r.Header {
		header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	if header["Upgrade"] != nil {
		header.Set("Connection", "Upgrade")
	}
	return r.Status, header, r.body()
}

func (r *Refusal) sendable() *Refusal {
	if r.Validate() != nil {
		return ErrInternal
	}
	return r
}

func (r *Refusal) body() string {
	if r.Body == "" {
		return r.Reason + "\n"
	}
	return r.Body
}

func (r *Refusal) appendHead(dst []byte, now time.Time) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(r.Status), 10)
	dst = append(dst, ' ')
	dst = append(dst, http.StatusText(r.Status)...)
	dst = append(dst, "\r\n"...)

	contentType, connection := "text/plain; charset=utf-8", "close"
	for name := range r.Header {
		if equalFold(name, "Content-Type") {
			contentType = ""
		}
		if equalFold(name, "Upgrade") {
			connection = "Upgrade, close"
		}
		if equalFold(name, "Date") {
			now = time.Time{}
		}
	}
	if !now.IsZero() {
		dst = append(dst, "Date: "...)
		dst = now.UTC().AppendFormat(dst, http.TimeFormat)
		dst = append(dst, "\r\n"...)
	}
	if contentType != "" {
		dst = appendField(dst, "Content-Type", contentType)
	}
	dst = appendField(dst, "Content-Length", strconv.Itoa(len(r.body())))
	dst = appendField(dst, "Connection", connection)
	dst = appendHeader(dst, r.Header)
	return append(dst, "\r\n"...)
}
