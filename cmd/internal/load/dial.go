package load

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
)

// atOnce is how many dials go on at a time.
const atOnce = 64

// newClient is a client for the connections of a shard. What it limits is left to the server.
func (r *run) newClient(s *shard) *client.Client {
	c := &client.Client{
		Header: r.Header, Subprotocols: r.Subprotocols, Deflate: r.Deflate, TLSConfig: r.TLS,
		OnMessage: s.onMessage, OnDrained: s.onDrained, OnClose: s.onClose,
		Overflow: conn.OverflowRefuse, Logger: slog.New(slog.DiscardHandler), SlowCallback: -1,
	}
	c.MaxMessageSize = max(mostBytes, 2*int64(r.Sizes.max))
	// Above three eighths of what may be pending a connection is not read. A server that does not
	// read while it is not read would then wait for this side, and this side for it.
	around := len(r.Template) + 128
	c.MaxPending = min(max(1<<20, 4*(r.Sizes.max+around)*min(r.Pipeline, 1<<10)), 1<<30)
	c.MessagesPerSecond, c.ControlFramesPerSecond, c.CompressionPerSecond = -1, -1, -1
	c.IdleTimeout, c.WriteTimeout = -1, -1
	c.CloseTimeout = max(r.Patience, time.Millisecond)
	if len(r.Sources) > 0 {
		c.DialContext = r.dialSource()
	}
	return c
}

// dialSource dials from each of the sources in turn.
func (r *run) dialSource() func(context.Context, string, string) (net.Conn, error) {
	var turn atomic.Uint32
	dialers := make([]net.Dialer, len(r.Sources))
	for i, source := range r.Sources {
		dialers[i].LocalAddr = &net.TCPAddr{IP: source.AsSlice(), Zone: source.Zone()}
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialers[int(turn.Add(1)-1)%len(dialers)].DialContext(ctx, network, address)
	}
}

// dial makes the connections, spread over the time for it.
func (r *run) dial(ctx context.Context) {
	var dials sync.WaitGroup
	done, end := context.WithCancel(context.Background())
	defer end()
	go func() {
		defer end()
		defer dials.Wait()
		slots := make(chan struct{}, atOnce)
		timer := time.NewTimer(0)
		defer timer.Stop()
		for i := range r.Connections {
			at := time.Duration(float64(r.RampUp) * float64(i) / float64(r.Connections))
			timer.Reset(at - time.Since(r.start))
			select {
			case <-timer.C:
			case <-ctx.Done():
				return
			}
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			dials.Go(func() {
				defer func() { <-slots }()
				r.dialOne(ctx, i)
			})
		}
	}()
	r.watch.until(done, func(totals) bool { return false })
}

// dialOne makes one connection.
func (r *run) dialOne(ctx context.Context, index int) {
	s := r.shards[index%len(r.shards)]
	l := &lane{shard: s}
	began := time.Now()
	u, err := url.Parse(r.URL)
	if err == nil {
		request := (&http.Request{Method: http.MethodGet, URL: u}).WithContext(ctx)
		_, err = s.client.DialRequest(request, l.begin)
	}
	took := time.Since(began)

	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		record(r.connect, int64(took))
		r.lanes[index] = l
	case ctx.Err() == nil:
		r.refused++
		r.first = cmp.Or(r.first, err)
		r.dialled.add("dial: " + kind(err))
	}
}

// begin takes a connection whose handshake is done.
func (l *lane) begin(c *conn.Conn) {
	s := l.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	l.conn = c
	c.SetValue(l)
	s.open++
	s.counts.Opened++
	for _, text := range s.run.Hello {
		_ = c.SendText(text) // it fails only if the connection closes
	}
}
