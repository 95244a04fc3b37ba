module github.com/framerail/framerail/cmd/examples/routers/chi

go 1.26.0

require (
	github.com/framerail/framerail v0.1.0
	github.com/framerail/framerail/cmd/examples v0.1.0
	github.com/go-chi/chi/v5 v5.5.0
)

require (
	github.com/coder/websocket v1.8.15 // indirect
	github.com/klauspost/compress v1.20.4 // indirect
	golang.org/x/sys v0.50.0 // indirect
)
