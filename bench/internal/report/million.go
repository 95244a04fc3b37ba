package report

import (
	"fmt"

	"gonum.org/v1/gonum/stat"
)

const million = 1_000_000

// millions is the arithmetic to a million connections: a straight line through what each
// server had at each number of connections.
func millions(rows []Row) string {
	var t table
	t.head("server", "at none", "for each connection", "a million", "with the kernel's sockets")
	for _, name := range columns(rows) {
		var x, y, kernel []float64
		for _, row := range rows {
			s, _ := row.In(name)
			if v, ok := s.Value(Resident); ok {
				x, y = append(x, float64(row.Place)), append(y, v)
				kernel = append(kernel, s.Figures[Kernel].Median)
			}
		}
		if len(x) < 2 {
			continue
		}
		base, slope := stat.LinearRegression(x, y, nil, false)
		all := base + slope*million
		t.row(name, megabytes(base), number(slope)+" B", gigabytes(all), gigabytes(all+Median(kernel)*million))
	}
	return t.String()
}

func megabytes(v float64) string { return fmt.Sprintf("%.0f MB", v/1e6) }
func gigabytes(v float64) string { return fmt.Sprintf("%.2f GB", v/1e9) }

// published is what others say of a million connections. Nothing of it was measured here.
var published = []struct{ what, figure, source string }{
	{"nbio, echo of 1 KiB, the process", "980 MiB for 1,000,000: 1,027 B each", "[README of nbio](https://github.com/lesismal/nbio#1m-websocket-connections-benchmark)"},
	{"gobwas with an epoll of its own, the program of a talk", "under 1 GB for over a million", "[1m-go-websockets](https://github.com/eranyanay/1m-go-websockets), 2019"},
	{"uWebSockets.js, the kernel included", "a million on a laptop of 8 GB", "[Alex Hultman](https://unetworkingab.medium.com/millions-of-active-websockets-with-node-js-7dc575746a01), 2019"},
	{"Python's websockets with its defaults, which compress", "70 KiB each: 72 GB for a million", "[its documentation](https://websockets.readthedocs.io/en/latest/topics/memory.html)"},
}

func publishedTable() string {
	var t table
	t.words("what others say", "figure", "source")
	for _, p := range published {
		t.row(p.what, p.figure, p.source)
	}
	return t.String()
}
