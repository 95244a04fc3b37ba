// Command leaving is an echo server that a deploy replaces without a stampede. Beside it are a Deployment for
// Kubernetes and a unit for systemd, whose times fit.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	notice := flag.Duration("notice", 0, "time between /ready answering 503 and the first client leaving")
	window := flag.Duration("window", 60*time.Second, "time over which clients leave")
	flag.Parse()

	// From here on Ctrl-C and SIGTERM end ctx, and not the program.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

	srv := &server.Server{Addr: *addr}
	srv.Leaving = server.Leaving{
		Notice: *notice,
		Window: *window,
		Code:   frame.ServiceRestart, // 1012: come back after a while
	}
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		_ = c.SendMessage(m) // fails only if c is closing
	}
	srv.Handler = health(srv)
	if err := srv.Start(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("ws://%v/\n", srv.ListenAddr())

	<-ctx.Done()
	stop() // a second signal ends the program at once

	// Notice and window come first. Then the last clients have 10 s to answer.
	ctx, stop = context.WithTimeout(context.Background(), *notice+*window+10*time.Second)
	defer stop()
	drained, err := srv.Shutdown(ctx)
	log.Printf("%d clients left, %d were cut, %d bytes lost", drained.Clean, drained.Forced, drained.Lost)
	if err != nil {
		log.Print(err)
	}
}

// health tells a balancer whether to send clients here. It takes a request on a connection that it has kept.
func health(srv *server.Server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if srv.Draining() {
			http.Error(w, "draining", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	return mux
}
