package embedded

import (
	"crypto/tls"
	"errors"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// A port that is not on loopback needs a proof that the server asks for: a name with a password, a token, keys, or a certificate.
func TestCheck_WhatProves(t *testing.T) {
	demands, shows := &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert}, &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven}
	user := []*server.User{{Username: "u", Password: "p"}}
	opens := map[string]func(*server.Options){
		"Listen":    func(o *server.Options) { o.DontListen = false },
		"Cluster":   func(o *server.Options) { o.Cluster.Port = -1 },
		"LeafNode":  func(o *server.Options) { o.LeafNode.Port = -1 },
		"Gateway":   func(o *server.Options) { o.Gateway.Port = -1 },
		"Websocket": func(o *server.Options) { o.Websocket.Port = -1 },
		"MQTT":      func(o *server.Options) { o.MQTT.Port = -1 },
	}
	clients := []string{"Listen", "LeafNode", "Websocket", "MQTT"}
	for _, c := range []struct {
		name   string
		set    func(*server.Options)
		closed []string // the others are open
	}{
		{"nothing", func(*server.Options) {}, nil},
		{"a password alone", func(o *server.Options) {
			o.Password, o.Cluster.Password, o.LeafNode.Password = "p", "p", "p"
			o.Gateway.Password, o.Websocket.Password, o.MQTT.Password = "p", "p", "p"
		}, nil},
		{"a name alone", func(o *server.Options) {
			o.Username, o.Cluster.Username, o.LeafNode.Username = "u", "u", "u"
			o.Gateway.Username, o.Websocket.Username, o.MQTT.Username = "u", "u", "u"
		}, nil},
		{"TLSVerify", func(o *server.Options) { o.TLSVerify = true }, nil},
		{"TLS without a demand for certificates", func(o *server.Options) {
			o.TLSConfig, o.Cluster.TLSConfig, o.LeafNode.TLSConfig = shows, shows, shows
			o.Gateway.TLSConfig, o.Websocket.TLSConfig, o.MQTT.TLSConfig = shows, shows, shows
		}, nil},
		{"certificates of clients", func(o *server.Options) { o.TLSConfig = demands }, []string{"Listen"}},
		{"certificates, and plain connections", func(o *server.Options) { o.TLSConfig, o.AllowNonTLS = demands, true }, nil},
		{"certificates of all others", func(o *server.Options) {
			o.Cluster.TLSConfig, o.LeafNode.TLSConfig, o.Gateway.TLSConfig = demands, demands, demands
			o.Websocket.TLSConfig, o.MQTT.TLSConfig = demands, demands
		}, []string{"Cluster", "LeafNode", "Gateway", "Websocket", "MQTT"}},
		{"a name and a password", func(o *server.Options) { o.Username, o.Password = "u", "p" }, clients},
		{"a token", func(o *server.Options) { o.Authorization = "t" }, clients},
		{"users", func(o *server.Options) { o.Users = user }, clients},
		{"a function", func(o *server.Options) { o.CustomClientAuthentication = inProcess{} }, clients},
		{"users, and one for strangers", func(o *server.Options) { o.Users, o.NoAuthUser = user, "u" }, nil},
		{"one for strangers at some ports", func(o *server.Options) {
			o.Users, o.Websocket.NoAuthUser, o.MQTT.NoAuthUser = user, "u", "u"
		}, []string{"Listen", "LeafNode"}},
		{"users, and names alone instead", func(o *server.Options) {
			o.Users, o.LeafNode.Username, o.Websocket.Username, o.MQTT.Username = user, "u", "u", "u"
		}, []string{"Listen"}},
		{"names and passwords of all others", func(o *server.Options) {
			o.Cluster.Username, o.Cluster.Password, o.LeafNode.Username, o.LeafNode.Password = "u", "p", "u", "p"
			o.Gateway.Username, o.Gateway.Password = "u", "p"
			o.Websocket.Username, o.Websocket.Password, o.MQTT.Username, o.MQTT.Password = "u", "p", "u", "p"
		}, []string{"Cluster", "LeafNode", "Gateway", "Websocket", "MQTT"}},
		{"other proofs", func(o *server.Options) { o.LeafNode.Nkey, o.Websocket.Token, o.MQTT.Token = "k", "t", "t" },
			[]string{"LeafNode", "Websocket", "MQTT"}},
		{"users of leaf nodes", func(o *server.Options) { o.LeafNode.Users = user }, []string{"LeafNode"}},
	} {
		for port, open := range opens {
			o := &server.Options{Host: "0.0.0.0", DontListen: true}
			c.set(o)
			open(o)
			err := check(o)
			isOpen := true
			for _, name := range c.closed {
				isOpen = isOpen && name != port
			}
			if errors.Is(err, ErrOpen) != isOpen || !isOpen && err != nil {
				t.Errorf("%s with %s: %v", port, c.name, err)
			}
		}
	}
}
