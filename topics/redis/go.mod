module github.com/framerail/framerail/topics/redis

go 1.26.0

require (
	github.com/framerail/framerail v0.1.0
	github.com/redis/rueidis v1.0.79
)

require (
	github.com/klauspost/compress v1.20.4 // indirect
	golang.org/x/sys v0.50.0 // indirect
)
