package embedded

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"
)

const loopback = "127.0.0.1"

// user is the name under which servers of a cluster know each other. The password is Secret.
const user = "framerail"

// options makes and checks the options of the server.
func (s *Server) options() (*server.Options, error) {
	o := &server.Options{
		ServerName: s.Name,
		NoSigs:     true, // they are the program's
		DontListen: true,
		MaxPayload: 1 << 20,
	}
	if err := s.client(o); err != nil {
		return nil, err
	}
	if err := s.cluster(o); err != nil {
		return nil, err
	}
	if s.StoreDir != "" {
		o.JetStream, o.StoreDir = true, s.StoreDir
		o.JetStreamMaxStore = cmp.Or(s.MaxStore, DefaultMaxStore)
		o.JetStreamMaxMemory = cmp.Or(s.MaxMemory, DefaultMaxMemory)
		if o.ServerName == "" {
			host, _ := os.Hostname()
			o.ServerName = host + "-" + s.ClusterListen
		}
	}
	if s.Configure != nil {
		s.Configure(o)
	}
	return o, check(o)
}

// client sets what concerns connections of clients.
func (s *Server) client(o *server.Options) (err error) {
	if s.Listen != "" {
		o.DontListen = false
		o.Host, o.Port, err = address(s.Listen, DefaultPort)
		return err
	}
	if s.ClusterListen != "" { // without a port for clients the server never opens that for servers
		o.DontListen = false
		o.Host, o.Port = loopback, server.RANDOM_PORT
		o.CustomClientAuthentication = inProcess{}
	}
	return nil
}

// cluster sets what concerns connections of servers.
func (s *Server) cluster(o *server.Options) (err error) {
	if s.ClusterListen == "" {
		if len(s.Routes) > 0 {
			return errors.New("framerail: Routes need ClusterListen")
		}
		return nil
	}
	c := &o.Cluster
	c.Name = cmp.Or(s.ClusterName, DefaultClusterName)
	c.NoAdvertise = s.Listen == "" // of the port for clients
	if c.Host, c.Port, err = address(s.ClusterListen, DefaultClusterPort); err != nil {
		return err
	}
	if s.Secret != "" {
		c.Username, c.Password = user, s.Secret
	}
	if s.TLS != nil {
		if c.TLSConfig, err = mutual(s.TLS); err != nil {
			return err
		}
		c.TLSTimeout = 5
	}
	for _, route := range s.Routes {
		host, port, err := address(route, DefaultClusterPort)
		if err != nil {
			return err
		}
		u := &url.URL{Scheme: "nats-route", Host: net.JoinHostPort(host, strconv.Itoa(port))}
		if s.Secret != "" {
			u.User = url.UserPassword(user, s.Secret)
		}
		o.Routes = append(o.Routes, u)
	}
	return nil
}

// address splits host:port, and has defaults for both.
func address(s string, standard int) (host string, port int, err error) {
	host, number, err := net.SplitHostPort(s)
	if err != nil { // no port
		var again error
		if host, number, again = net.SplitHostPort(s + ":"); again != nil {
			return "", 0, fmt.Errorf("framerail: address %q: %w", s, err)
		}
	}
	port = standard
	if number != "" {
		if port, err = strconv.Atoi(number); err != nil || port < 0 || port > 65535 {
			return "", 0, fmt.Errorf("framerail: address %q: not a port", s)
		}
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return cmp.Or(host, loopback), port, nil
}

// mutual is a configuration with which both sides check certificates.
func mutual(c *tls.Config) (*tls.Config, error) {
	c = c.Clone()
	if c.RootCAs == nil && c.ClientCAs == nil {
		return nil, errors.New("framerail: Server.TLS needs RootCAs, or anyone with a public certificate could join")
	}
	if c.ClientCAs == nil {
		c.ClientCAs = c.RootCAs
	}
	if c.RootCAs == nil {
		c.RootCAs = c.ClientCAs
	}
	c.ClientAuth = tls.RequireAndVerifyClientCert
	return c, nil
}

// check checks that no port is open to strangers. Those other than ClusterListen and Listen are opened by Configure.
func check(o *server.Options) error {
	if c := &o.Cluster; c.Port != 0 && !isLoopback(c.Host) && !login(c.Username, c.Password) && !asks(c.TLSConfig) {
		return fmt.Errorf("%w: ClusterListen is on %q, so set TLS or Secret", ErrOpen, c.Host)
	}
	proven := o.NoAuthUser == "" && (o.CustomClientAuthentication != nil || login(o.Username, o.Password) || o.Authorization != "" ||
		len(o.Users) > 0 || len(o.Nkeys) > 0 || len(o.TrustedKeys) > 0 || len(o.TrustedOperators) > 0)
	if !o.DontListen && !isLoopback(o.Host) && !proven && (o.AllowNonTLS || !asks(o.TLSConfig)) {
		return fmt.Errorf("%w: Listen is on %q, so set who may connect in Configure", ErrOpen, o.Host)
	}
	leaf, gateway, ws, mqtt := &o.LeafNode, &o.Gateway, &o.Websocket, &o.MQTT
	for _, p := range []struct {
		name, host string
		port       int
		proven     bool
	}{
		{"LeafNode", leaf.Host, leaf.Port, login(leaf.Username, leaf.Password) || leaf.Nkey != "" || len(leaf.Users) > 0 || asks(leaf.TLSConfig) ||
			proven && leaf.Username == ""}, // which would be asked for instead
		{"Gateway", gateway.Host, gateway.Port, login(gateway.Username, gateway.Password) || asks(gateway.TLSConfig)},
		{"Websocket", ws.Host, ws.Port, ws.NoAuthUser == "" &&
			(login(ws.Username, ws.Password) || ws.Token != "" || asks(ws.TLSConfig) || proven && ws.Username == "")},
		{"MQTT", mqtt.Host, mqtt.Port, mqtt.NoAuthUser == "" &&
			(login(mqtt.Username, mqtt.Password) || mqtt.Token != "" || asks(mqtt.TLSConfig) || proven && mqtt.Username == "")},
		{"HTTPPort", cmp.Or(o.HTTPHost, o.Host), o.HTTPPort, false}, // monitoring asks nobody who they are
		{"HTTPSPort", cmp.Or(o.HTTPHost, o.Host), o.HTTPSPort, false},
		{"ProfPort", o.Host, o.ProfPort, false},
	} {
		if p.port != 0 && !isLoopback(p.host) && !p.proven {
			return fmt.Errorf("%w: %s is on %q", ErrOpen, p.name, p.host)
		}
	}
	return nil
}

// login reports whether the server asks for a name and a password. Without a name it asks for neither.
func login(username, password string) bool { return username != "" && password != "" }

// asks reports whether TLS lets in only those that have a certificate.
func asks(c *tls.Config) bool { return c != nil && c.ClientAuth == tls.RequireAndVerifyClientCert }

// isLoopback reports whether only this machine can connect to an address.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// inProcess lets clients in that are in this process.
type inProcess struct{}

func (inProcess) Check(c server.ClientAuthentication) bool {
	a := c.RemoteAddress()
	return a != nil && a.Network() == "pipe"
}
