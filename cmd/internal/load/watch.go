package load

import (
	"context"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// totals is how a run stands.
type totals struct {
	todo, waiting int64
	open          int
}

// watch is a run's clock. It cuts the run into intervals.
type watch struct {
	run     *run
	server  *process // nil if its PID is not known
	result  *Result
	running bool // intervals count

	began, last   time.Time
	own, served   time.Duration // CPU when sending began
	ownThen       time.Duration // and when the interval did
	servedThen    time.Duration
	latency       *hdrhistogram.Histogram
	paced, behind int64 // messages that the pacer has sent, and those of them that left late
}

func newWatch(r *run, server *process) *watch {
	now := time.Now()
	return &watch{
		run: r, server: server, began: now, last: now, latency: newHistogram(),
		result: &Result{Started: now, Latency: newHistogram(), Connect: r.connect, Config: r.Config},
	}
}

// look is how often until looks.
const look = 5 * time.Millisecond

// until waits until over says so, or ctx is done. Meanwhile it tells of each interval.
func (w *watch) until(ctx context.Context, over func(totals) bool) {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		if over(w.totals()) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if now.Sub(w.last) >= w.run.Every {
				w.interval(now)
			}
		}
	}
}

func (w *watch) totals() (t totals) {
	for _, s := range w.run.shards {
		s.mu.Lock()
		t.todo += s.todo
		t.waiting += s.waiting
		t.open += s.open
		s.mu.Unlock()
	}
	if w.run.Mode == Fanout && w.run.settling {
		t.waiting = w.run.missing()
	}
	return t
}

// begin begins to measure.
func (w *watch) begin() {
	w.result.Counts.add(w.take())
	w.began, w.last = time.Now(), time.Now()
	w.own, w.served = ownCPU(), w.server.cpu()
	w.ownThen, w.servedThen = w.own, w.served
	w.running = true
}

// take takes the shards' counters, and leaves them at zero.
func (w *watch) take() *Counts {
	var c Counts
	w.latency.Reset()
	for n, s := range w.run.shards {
		s.mu.Lock()
		c.add(&s.counts)
		s.counts = Counts{}
		if n == 0 { // to exchange them costs less than a merge
			w.latency, s.latency = s.latency, w.latency
		} else {
			w.latency.Merge(s.latency)
			s.latency.Reset()
		}
		w.paced, w.behind = w.paced+s.paced, w.behind+s.late
		s.paced, s.late = 0, 0
		s.mu.Unlock()
	}
	w.run.mu.Lock()
	c.Refused, w.run.refused = w.run.refused, 0
	w.run.mu.Unlock()
	return &c
}

// interval ends an interval.
func (w *watch) interval(now time.Time) {
	i := Interval{Length: now.Sub(w.last), Open: w.totals().open}
	w.last = now
	i.Counts = *w.take()
	w.result.Counts.add(&i.Counts)
	i.Total = w.result.Counts
	if w.running {
		own, served := ownCPU(), w.server.cpu()
		i.At = now.Sub(w.began)
		if w.latency.TotalCount() > 0 {
			at := w.latency.ValueAtPercentiles([]float64{50, 99})
			i.P50, i.P99 = time.Duration(at[50]), time.Duration(at[99])
		}
		i.Max = time.Duration(w.latency.Max())
		i.ClientCores = cores(own-w.ownThen, i.Length)
		i.ServerCores = cores(served-w.servedThen, i.Length)
		i.ServerMemory = w.server.memory()
		w.ownThen, w.servedThen = own, served
		w.result.Latency.Merge(w.latency)
		if s := w.result.Server; s != nil {
			s.Peak = max(s.Peak, i.ServerMemory)
		} else if w.server != nil {
			w.result.Server = &Server{Peak: i.ServerMemory}
		}
		if n := len(w.result.Intervals); n > 0 && i.Length < w.run.Every/4 {
			w.result.Intervals[n-1].extend(&i) // a rate of so short a time says nothing
			return
		}
		w.result.Intervals = append(w.result.Intervals, i)
	}
	if w.run.OnInterval != nil {
		w.run.OnInterval(i)
	}
}

// end ends the measuring.
func (w *watch) end() {
	now := time.Now()
	w.interval(now)
	r := w.result
	r.Took = now.Sub(w.began)
	r.Client = Usage{CPU: ownCPU() - w.own}
	r.Client.Cores = cores(r.Client.CPU, r.Took)
	if s := r.Server; s != nil {
		s.CPU = w.server.cpu() - w.served
		s.Cores = cores(s.CPU, r.Took)
		s.Memory = w.server.memory()
	}
	r.Bottleneck = w.bottleneck()
	w.running = false
}

// collect adds what came after the end.
func (w *watch) collect(r *Result) { r.Counts.add(w.take()) }

func cores(cpu, wall time.Duration) float64 {
	if wall <= 0 {
		return 0
	}
	return float64(cpu) / float64(wall)
}
