package embedded

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Defaults of a [Server].
const (
	DefaultClusterName = "framerail"
	DefaultClusterPort = 6222
	DefaultPort        = 4222 // of Listen
	DefaultMaxStore    = 2 << 30
	DefaultMaxMemory   = 64 << 20
)

// readiness is how long a server may take to start.
const readiness = 30 * time.Second

// meeting is how long connections within the process wait for the first other server, after the start.
const meeting = 2 * time.Second

// Server is a NATS server within the process. The zero value is one that nobody else can reach, and that keeps
// nothing. Set the fields before Start. All methods may be called from any goroutine.
type Server struct {
	// Name differs for each server of a cluster. With JetStream it must stay the same over restarts: it is the
	// server's identity. "": a random one, or with StoreDir one made of ClusterListen and the machine's name.
	Name string

	// ClusterListen is the address for the other servers, as host:port. Without a host it is 127.0.0.1, and without a port 6222. Port
	// 0 is a free one: see ClusterAddr. "": no cluster.
	ClusterListen string
	// ClusterName is the same for all servers of a cluster. "": "framerail".
	ClusterName string
	// Routes are the addresses of other servers, as host:port. One of them is enough, because servers tell each
	// other of the rest. With StoreDir each server needs some. The server's own address may be among them, so that
	// all servers can have the same list.
	Routes []string
	// Secret is the same for all servers of a cluster. Clients at Listen are not asked for it. "": none.
	Secret string
	// TLS is for connections between servers. It needs Certificates and RootCAs. The certificates of both sides are
	// checked, whatever ClientAuth is. nil: no TLS.
	TLS *tls.Config

	// Listen is the address for clients of other processes, as host:port. Without a host it is 127.0.0.1, and without a port
	// 4222. Any other host needs Configure to set who may connect. "": none.
	Listen string

	// StoreDir is the directory for JetStream. "": no JetStream.
	StoreDir string
	// MaxStore bounds the files of JetStream, in bytes. 0: 2 GiB.
	MaxStore int64
	// MaxMemory bounds the memory of streams that others keep in memory, in bytes. 0: 64 MiB.
	MaxMemory int64

	// Configure has the last word on the server's options. The rule for addresses that are not loopback is checked
	// after it. nil: nothing else is set.
	Configure func(*server.Options)
	// Logger gets the server's warnings and errors, and with level Debug also its notices. nil: slog.Default().
	Logger *slog.Logger

	mu  sync.Mutex
	srv *server.Server // guarded by mu: nil unless started
	met time.Time      // guarded by mu: when connections wait for other servers no longer
}

var (
	// ErrOpen: the cluster port is on an address that is not loopback, without TLS and without Secret. Set one
	// of them, or the server would let strangers join. Or Listen, or a port of Configure's, is on such an address, and
	// Configure has not set who may connect. A password counts only with a user name, and TLS only if it demands
	// certificates of clients. Monitoring lets anyone in, so it is for loopback alone.
	ErrOpen = errors.New("framerail: an address that is not loopback is open to others")

	errStarted = errors.New("framerail: the server is started already")
	errStopped = errors.New("framerail: the server is not started")
)

// Start starts the server, and returns when it is ready for the program's own connections. The
// others of a cluster need not be there yet.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.srv != nil {
		return errStarted
	}
	o, err := s.options()
	if err != nil {
		return err
	}
	srv, err := server.NewServer(o)
	if err != nil {
		return fmt.Errorf("framerail: %w", err)
	}
	log := newLog(s.Logger)
	srv.SetLoggerV2(log, false, false, false)
	srv.Start()
	if err := ready(srv, log); err != nil {
		stop(srv)
		return err
	}
	s.srv, s.met = srv, time.Now()
	if len(s.Routes) > 0 {
		s.met = s.met.Add(meeting)
	}
	return nil
}

// ready waits until the server is.
func ready(srv *server.Server, log *log) error {
	for end := time.Now().Add(readiness); time.Now().Before(end); {
		up := srv.ReadyForConnections(100 * time.Millisecond)
		if err := log.failure(); err != nil {
			return err
		}
		if up {
			return nil
		}
	}
	return errors.New("framerail: the NATS server does not get ready")
}

// Close ends the server and waits for it. It can be started again.
func (s *Server) Close() {
	s.mu.Lock()
	srv := s.srv
	s.srv = nil
	s.mu.Unlock()
	if srv != nil {
		stop(srv)
	}
}

func stop(srv *server.Server) {
	srv.Shutdown()
	srv.WaitForShutdown()
}

// started is the server.
func (s *Server) started() (*server.Server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.srv == nil {
		return nil, errStopped
	}
	return s.srv, nil
}

// Options are those for a Broker that uses this server within the process.
func (s *Server) Options() []nats.Option { return []nats.Option{nats.InProcessServer(s)} }

// InProcessConn implements nats.InProcessConnProvider. In the first two seconds it waits until the server has met
// another one of Routes. Otherwise a program that is back would publish to nobody what it could not publish before.
func (s *Server) InProcessConn() (net.Conn, error) {
	for {
		s.mu.Lock()
		srv, met := s.srv, s.met
		s.mu.Unlock()
		if srv == nil {
			return nil, errStopped
		}
		if time.Now().After(met) || srv.NumRemotes() > 0 {
			return srv.InProcessConn()
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// ClusterAddr is the address of the cluster port, or nil.
func (s *Server) ClusterAddr() net.Addr {
	srv, err := s.started()
	if err != nil {
		return nil
	}
	if a := srv.ClusterAddr(); a != nil {
		return a
	}
	return nil
}

// Peers is how many other servers are connected.
func (s *Server) Peers() int {
	srv, err := s.started()
	if err != nil {
		return 0
	}
	return srv.NumRemotes()
}
