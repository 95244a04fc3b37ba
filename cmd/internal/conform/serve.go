package conform

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// The paths by which a client asks for what it wants. They are those of Autobahn's
// fuzzing server, so that clients that were written for it need no change.
const (
	pathCount  = "/getCaseCount"  // a text message: how many cases there are
	pathInfo   = "/getCaseInfo"   // ?case=N, from 1: its number and title in JSON
	pathRun    = "/runCase"       // ?case=N&agent=NAME: the case itself
	pathStatus = "/getCaseStatus" // ?case=N&agent=NAME: its verdict in JSON
	pathReport = "/updateReports" // ?agent=NAME: OnReport is called
)

const (
	// maxClients is how many connections are served at a time; others wait.
	maxClients = 64

	// maxAgents is how many names of clients results are kept for.
	maxAgents = 64

	// maxRequest bounds the head of a client's request, in bytes.
	maxRequest = 16 << 10

	// requestTime is how long a client may take for it.
	requestTime = 10 * time.Second
)

// Server plays cases against the clients that come to it: they have to send back every
// message as it came.
type Server struct {
	Cases []Case // of [ForClients]

	// Patience and Messages are those of [Runner].
	Patience time.Duration
	Messages int

	// OnResult, if set, is called after each case, OnReport when a client has asked for
	// its report. Calls never overlap.
	OnResult func(agent string, r Result)
	OnReport func(r Report)

	mu     sync.Mutex
	judged sync.Cond // a case has been; its lock is mu
	agents map[string]*agentResults
}

// agentResults are the results of one client, by the case's place.
type agentResults struct {
	started time.Time
	playing int // cases that are not judged yet: a client may ask for its report before
	results map[int]Result
}

// agent returns the results of a client, new ones if there are none yet, and nil if there
// are too many clients. The lock is held.
func (srv *Server) agent(name string) *agentResults {
	a := srv.agents[name]
	if a == nil && len(srv.agents) < maxAgents {
		if srv.agents == nil {
			srv.agents = map[string]*agentResults{}
		}
		a = &agentResults{started: time.Now(), results: map[int]Result{}}
		srv.agents[name] = a
	}
	return a
}

// settled returns the results of a client once none of its cases is being played, or nil.
// The lock is held.
func (srv *Server) settled(name string) *agentResults {
	a := srv.agents[name]
	for a != nil && a.playing > 0 {
		srv.judged.Wait()
	}
	return a
}

// Serve takes connections until ctx is over, and then closes ln.
func (srv *Server) Serve(ctx context.Context, ln net.Listener) error {
	srv.judged.L = &srv.mu
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	free := make(chan struct{}, maxClients)
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		free <- struct{}{}
		conn, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		wg.Go(func() {
			defer func() { <-free }()
			defer conn.Close()
			srv.take(ctx, conn)
		})
	}
}

// take reads a client's request and does what it asks for.
func (srv *Server) take(ctx context.Context, conn net.Conn) {
	_ = conn.SetDeadline(time.Now().Add(requestTime))
	head := &io.LimitedReader{R: conn, N: maxRequest}
	in := bufio.NewReaderSize(head, maxRequest)
	request, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	_ = conn.SetDeadline(time.Time{})
	t := &taken{conn, in, request}
	query := request.URL.Query()
	agent := query.Get("agent")
	i, err := srv.place(query.Get("case"))
	switch path := request.URL.Path; {
	case path == pathCount:
		srv.tell(ctx, t, strconv.Itoa(len(srv.Cases)))
	case path == pathReport:
		srv.report(agent)
		srv.tell(ctx, t, "")
	case err == nil && path == pathRun:
		srv.play(ctx, t, agent, i)
	case err == nil && path == pathInfo:
		srv.tell(ctx, t, inJSON("id", srv.Cases[i].ID, "description", srv.Cases[i].Title))
	case err == nil && path == pathStatus:
		srv.tell(ctx, t, inJSON("behavior", srv.verdict(agent, i)))
	default:
		body := fmt.Sprintf("Ask for %s, %s?case=N&agent=NAME with N from 1 to %d, or %s?agent=NAME.\n", pathCount, pathRun, len(srv.Cases), pathReport)
		fmt.Fprintf(conn, "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
}

// place is where in Cases the case with a number is, counted from 1 as clients do.
func (srv *Server) place(number string) (int, error) {
	n, err := strconv.Atoi(number)
	if err == nil && (n < 1 || n > len(srv.Cases)) {
		err = errors.New("there is no such case")
	}
	return n - 1, err
}

// inJSON is an object of names and values.
func inJSON(pairs ...string) string {
	object := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		object[pairs[i]] = pairs[i+1]
	}
	out, _ := json.Marshal(object) // strings cannot fail
	return string(out)
}

func (srv *Server) session(id string, t *taken) *Session {
	s := newSession(id, &Runner{Patience: srv.Patience, Messages: srv.Messages}, nil)
	s.taken = t
	return s
}

// tell sends a client one message, if it is not empty, and closes.
func (srv *Server) tell(ctx context.Context, t *taken, message string) {
	ctx, cancel := context.WithTimeout(ctx, DefaultTimeout)
	defer cancel()
	s := srv.session("tell", t)
	defer s.shut()
	x := exchange{end: normal}
	if message != "" {
		x.steps = []step{all(text(message))}
	}
	s.play(ctx, x)
}

// play plays a case and keeps its result.
func (srv *Server) play(ctx context.Context, t *taken, agent string, i int) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	a := srv.agent(agent)
	if a == nil {
		return
	}
	a.playing++
	srv.mu.Unlock()
	c := &srv.Cases[i]
	r := playIn(ctx, srv.session(c.ID, t), c)
	srv.mu.Lock()

	a.results[i] = r
	a.playing--
	srv.judged.Broadcast()
	if srv.OnResult != nil {
		srv.OnResult(agent, r)
	}
}

// verdict is what a case came to, in a word.
func (srv *Server) verdict(agent string, i int) string {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if a := srv.settled(agent); a != nil {
		if r, ok := a.results[i]; ok {
			return r.Verdict.String()
		}
	}
	return ""
}

// report hands an agent's results out, if there are any.
func (srv *Server) report(agent string) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if a := srv.settled(agent); a != nil && srv.OnReport != nil {
		srv.OnReport(a.report(agent))
	}
}

// Reports are what all clients have come to so far, in the order of their names.
func (srv *Server) Reports() []Report {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	var all []Report
	for _, agent := range slices.Sorted(maps.Keys(srv.agents)) {
		all = append(all, srv.agents[agent].report(agent))
	}
	return all
}

func (a *agentResults) report(agent string) Report {
	r := Report{URL: "a client", Agent: agent, Started: a.started}
	for _, i := range slices.Sorted(maps.Keys(a.results)) {
		r.Results = append(r.Results, a.results[i])
		r.Took += a.results[i].Took
	}
	return r
}
