//go:build linux

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// extension is one element of Sec-WebSocket-Extensions: its name, and its parameters by
// name, unquoted; "" is a parameter without a value.
type extension struct {
	name       string
	parameters map[string]string
	repeated   bool // a parameter stands twice
}

// parseExtension takes an element apart that follows the grammar, in which neither a
// comma nor a semicolon can stand within quotes.
func parseExtension(element string) extension {
	parts := strings.Split(element, ";")
	e := extension{name: strings.Trim(parts[0], " \t"), parameters: map[string]string{}}
	for _, p := range parts[1:] {
		name, value, _ := strings.Cut(p, "=")
		name = strings.Trim(name, " \t")
		_, again := e.parameters[name]
		e.repeated = e.repeated || again
		e.parameters[name] = strings.NewReplacer(`"`, "", `\`, "").Replace(strings.Trim(value, " \t"))
	}
	return e
}

const (
	serverTakeover = "server_no_context_takeover"
	clientTakeover = "client_no_context_takeover"
	serverWindow   = "server_max_window_bits"
	clientWindow   = "client_max_window_bits"
)

// wrong says what RFC 7692 7.1 has against e as an offer of permessage-deflate or, if
// answer is set, as the answer to one; "" is nothing.
func (e *extension) wrong(answer bool) string {
	if e.repeated {
		return "a parameter is repeated"
	}
	for name, value := range e.parameters {
		bits, err := strconv.Atoi(value)
		window := err == nil && 8 <= bits && bits <= 15 && strconv.Itoa(bits) == value
		good := false
		switch name {
		case serverTakeover, clientTakeover:
			good = value == ""
		case serverWindow:
			good = window
		case clientWindow:
			good = window || value == "" && !answer
		}
		if !good {
			return fmt.Sprintf("parameter %q has no such value as %q", name, value)
		}
	}
	return ""
}

// extensionsAgreed holds the answer to a handshake against what it offered: nothing is
// agreed that was not offered, and the first offer that can be accepted is.
func extensionsAgreed(agreed, offered []string) error {
	offers := make([]extension, len(offered))
	for i, o := range offered {
		offers[i] = parseExtension(o)
	}
	first := slices.IndexFunc(offers, func(o extension) bool { return o.name == "permessage-deflate" && o.wrong(false) == "" })
	switch {
	case first < 0 && len(agreed) == 0:
		return nil
	case first < 0:
		return fmt.Errorf("extension %q, of which no offer can be accepted", agreed)
	case len(agreed) != 1:
		return fmt.Errorf("extensions %q, not one", agreed)
	}
	answer := parseExtension(agreed[0])
	if answer.name != "permessage-deflate" {
		return fmt.Errorf("extension %q was not offered", agreed)
	}
	if fault := answer.wrong(true); fault != "" {
		return fmt.Errorf("extension %q: %s", agreed, fault)
	}
	return answer.fits(offers[first].parameters)
}

// fits holds an answer to the offer that it accepts.
func (e *extension) fits(offer map[string]string) error {
	for _, name := range []string{serverTakeover, serverWindow} {
		if _, asked := offer[name]; asked && !e.has(name) {
			return fmt.Errorf("%s was asked for and is not repeated (RFC 7692 7.1.1.1, 7.1.2.1)", name)
		}
	}
	if _, asked := offer[clientWindow]; !asked && e.has(clientWindow) {
		return fmt.Errorf("%s was not offered (RFC 7692 7.1.2.2)", clientWindow)
	}
	for _, name := range []string{serverWindow, clientWindow} {
		most, errOffer := strconv.Atoi(offer[name])
		bits, errAnswer := strconv.Atoi(e.parameters[name])
		if errOffer == nil && errAnswer == nil && bits > most {
			return fmt.Errorf("%s is %d, and %d was offered", name, bits, most)
		}
	}
	return nil
}

func (e *extension) has(name string) bool {
	_, has := e.parameters[name]
	return has
}
