package routers

import (
	"log"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/framerail/framerail/server"
)

// Chi is a service of chi's, with middleware that wraps the ResponseWriter.
func Chi(ws *server.Server) http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.RequestID, middleware.Compress(5), middleware.Recoverer)
	r.Get("/rooms/{room}", func(w http.ResponseWriter, r *http.Request) {
		if err := ws.Upgrade(w, r, answerAs(chi.URLParam(r, "room"))); err != nil {
			log.Print(err) // the client has been told
		}
	})
	return r
}
