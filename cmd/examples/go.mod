module github.com/framerail/framerail/cmd/examples

go 1.26.0

require (
	github.com/coder/websocket v1.8.15
	github.com/framerail/framerail v0.1.0
)

require (
	github.com/klauspost/compress v1.20.4 // indirect
	golang.org/x/sys v0.50.0 // indirect
)
