package main

import (
	"errors"
	"expvar"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/promstats"
)

// metrics serves what srv counts: to Prometheus on /metrics, as JSON on /debug/vars.
type metrics struct{ http http.Server }

// serveMetrics listens on addr, which gets a line in the log, and serves until
// Close.
func serveMetrics(addr listenAddr, srv *server.Server, log *slog.Logger) (*metrics, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(promstats.New(srv), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	expvar.Publish("framerail", expvar.Func(func() any { return srv.Stats() }))

	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.Handle("GET /debug/vars", expvar.Handler())

	ln, err := net.Listen("tcp", string(addr))
	if err != nil {
		return nil, err
	}
	log.Info("serving metrics", "url", urlOf("http", ln.Addr())+"metrics")
	m := &metrics{http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}}
	go func() {
		if err := m.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are no longer served", "error", err)
		}
	}()
	return m, nil
}

// Close ends it, with whatever it is at.
func (m *metrics) Close() error { return m.http.Close() }
