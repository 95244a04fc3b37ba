package routers

import (
	"log"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/framerail/framerail/server"
)

// Echo is a service of echo's.
func Echo(ws *server.Server) http.Handler {
	e := echo.New()
	e.Use(middleware.Recover())
	e.GET("/rooms/:room", func(c echo.Context) error {
		if err := ws.Upgrade(c.Response(), c.Request(), answerAs(c.Param("room"))); err != nil {
			log.Print(err) // the client has been told
		}
		return nil
	})
	return e
}
