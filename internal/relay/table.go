package relay

import "sync"

// table has all Conns that loops may know, by number.
var table struct {
	mu    sync.RWMutex
	conns []*Conn
	free  []int // places of conns that are not used
}

// firstNumber is the number of the first place. -1 is no descriptor at all.
const firstNumber = -2

// enter gives a Conn a number.
func enter(c *Conn) (number int) {
	table.mu.Lock()
	defer table.mu.Unlock()
	place := len(table.conns)
	if n := len(table.free); n > 0 {
		place = table.free[n-1]
		table.free = table.free[:n-1]
		table.conns[place] = c
	} else {
		table.conns = append(table.conns, c)
	}
	return firstNumber - place
}

// leave gives a number back.
func leave(number int) {
	table.mu.Lock()
	defer table.mu.Unlock()
	place := firstNumber - number
	table.conns[place] = nil
	table.free = append(table.free, place)
}

// At returns the Conn with a number; nil if it is a descriptor, or if no Conn has it. From any goroutine.
func At(number int) *Conn {
	if number > firstNumber {
		return nil
	}
	table.mu.RLock()
	defer table.mu.RUnlock()
	if place := firstNumber - number; place < len(table.conns) {
		return table.conns[place]
	}
	return nil
}
