// Command upload stores files that come as messages, each while it is still arriving, and
// tells the sender how much has come. However large a file is, it takes some 64 KiB of memory.
package main

import (
	"context"
	"embed"
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

//go:embed index.html
var page embed.FS

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	dir := flag.String("dir", os.TempDir(), "where to store files")
	most := flag.Int64("max", 4<<30, "largest file, in bytes; a sender is closed with 1009 beyond it")
	flag.Parse()

	// From here on Ctrl-C and SIGTERM end ctx, and not the program.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

	srv := &server.Server{
		Addr:     *addr,
		Path:     "/upload",
		Handler:  http.FileServerFS(page),
		Limits:   server.Limits{Limits: conn.Limits{MaxMessageSize: *most}},
		Overflow: conn.OverflowLatest, // a slow client gets only the latest progress
	}
	srv.OnStream = func(c *conn.Conn, r *conn.Reader) { // on a goroutine, so it may block
		if err := store(*dir, c, r); err != nil {
			log.Printf("%v: %v", c.RemoteAddr(), err)
			_ = c.Close(frame.InternalError, "the file could not be stored") // unless it is closed already
		}
	}
	if err := srv.Start(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%v/\n", srv.ListenAddr())

	<-ctx.Done()
	stop() // a second signal ends the program at once

	// Each client gets 1001, Going Away, and has CloseTimeout, 5 s, to answer. Then it is cut.
	ctx, stop = context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	if _, err := srv.Shutdown(ctx); err != nil {
		log.Print(err)
	}
}
