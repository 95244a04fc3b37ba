package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/framerail/framerail/client"
)

// dialFlags are the flags of commands that connect to a server.
type dialFlags struct {
	Header      []headerLine `sep:"none" placeholder:"NAME:VALUE" help:"Send this header with the request, once or more."`
	Subprotocol []string     `placeholder:"NAME" help:"Offer these subprotocols, the best first."`
	Deflate     string       `enum:"off,alone,takeover" default:"off" placeholder:"HOW" help:"Offer compression: off, alone, or takeover, which lets messages refer to earlier ones. Default: ${default}."`
	Insecure    bool         `help:"Take any certificate of a wss:// server."`
	CA          string       `name:"ca" placeholder:"FILE" help:"Trust the certificates in this PEM file, in place of the system's."`
}

// headerLine is a flag's NAME:VALUE.
type headerLine struct{ name, value string }

// UnmarshalText checks the form.
func (h *headerLine) UnmarshalText(text []byte) error {
	name, value, found := strings.Cut(string(text), ":")
	if h.name, h.value = strings.TrimSpace(name), strings.TrimSpace(value); !found || h.name == "" {
		return errors.New("want NAME:VALUE, such as Authorization:Bearer")
	}
	return nil
}

// Validate is called once the flags are parsed.
func (f *dialFlags) Validate() error {
	if f.Insecure && f.CA != "" {
		return errors.New("--insecure and --ca exclude each other")
	}
	return nil
}

// header is that of the flags.
func (f *dialFlags) header() http.Header {
	h := http.Header{}
	for _, line := range f.Header {
		h.Add(line.name, line.value)
	}
	return h
}

// tls is the configuration of the flags.
func (f *dialFlags) tls() (*tls.Config, error) {
	config := &tls.Config{InsecureSkipVerify: f.Insecure}
	if f.CA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(f.CA)
	if err != nil {
		return nil, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--ca %s has no certificate", f.CA)
	}
	return config, nil
}

// hinted is the error of a dial. If the machine does not trust the server's certificate, it says which flags do.
func (f *dialFlags) hinted(err error) error {
	if errors.As(err, new(*tls.CertificateVerificationError)) {
		return fmt.Errorf("%w (--ca FILE trusts the certificates in a file, and --insecure takes any)", err)
	}
	return err
}

// deflate is the offer of the flags.
func (f *dialFlags) deflate() client.Deflate {
	takeover := f.Deflate == "takeover"
	return client.Deflate{Enabled: f.Deflate != "off", ServerTakeover: takeover, ClientTakeover: takeover}
}

// checkURL refuses what is no WebSocket's.
func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return err
	case u.Scheme != "ws" && u.Scheme != "wss", u.Host == "":
		return fmt.Errorf("%q is no WebSocket URL: want one such as ws://127.0.0.1:9001/", s)
	}
	return nil
}

// redacted is a URL without its password.
func redacted(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return s
	}
	return u.Redacted()
}
