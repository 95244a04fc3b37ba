package routers

import (
	"log"
	"net/http"

	"github.com/framerail/framerail/server"
)

// Std is a service of net/http's own mux.
func Std(ws *server.Server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /rooms/{room}", func(w http.ResponseWriter, r *http.Request) {
		if err := ws.Upgrade(w, r, answerAs(r.PathValue("room"))); err != nil {
			log.Print(err) // the client has been told
		}
	})
	return mux
}
