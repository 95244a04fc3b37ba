package routers

import (
	"log"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/framerail/framerail/server"
)

// Gin is a service of gin's.
func Gin(ws *server.Server) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.Use(gin.Recovery())
	r.GET("/rooms/:room", func(c *gin.Context) {
		if err := ws.Upgrade(c.Writer, c.Request, answerAs(c.Param("room"))); err != nil {
			log.Print(err) // the client has been told
		}
	})
	return r
}
