//go:build linux

package main

import (
	"reflect"
	"runtime"
	"sync"
)

// Go's runtime keeps records of its own on the heap, which grow late and by chance, the
// busier the machine is: 5,576 bytes for each thread that it starts because the others are
// held up, and 112 for each goroutine that has waited for a lock or a channel at the same
// time as others. It gives no thread back, and each P keeps up to 128 of the others. A
// heap is measured with both at a size that they do not pass.

// steadyThreads are more than a server with a few blocking calls comes to: with two P and
// a million connections, 11.
const steadyThreads = 16

// startThreads has the runtime start as many threads as it may want.
func startThreads() {
	var started, ended sync.WaitGroup
	started.Add(steadyThreads)
	release := make(chan struct{})
	for range steadyThreads {
		ended.Go(func() {
			runtime.LockOSThread() // so that another thread is needed while it waits
			defer runtime.UnlockOSThread()
			started.Done()
			<-release
		})
	}
	started.Wait()
	close(release)
	ended.Wait()
}

// steadyWaits is how many records of waiting goroutines a P keeps.
const steadyWaits = 128

// holdWaits puts as many records of waiting goroutines to use as one P keeps, and has the
// others keep none, until release is called. Meanwhile there is one goroutine more, and one
// P.
func holdWaits() (release func()) {
	procs := runtime.GOMAXPROCS(1) // the others give up what they keep
	runtime.GC()                   // and so does the list that they share
	done := reflect.ValueOf(make(chan struct{}))
	var waiting sync.WaitGroup
	waiting.Go(func() {
		cases := make([]reflect.SelectCase, steadyWaits)
		for i := range cases {
			cases[i] = reflect.SelectCase{Dir: reflect.SelectRecv, Chan: done}
		}
		reflect.Select(cases) // waits in each place at once
	})
	return func() {
		done.Close()
		waiting.Wait()
		runtime.GOMAXPROCS(procs)
	}
}
