package conform

import (
	"fmt"
	"sync"
	"time"
)

// wireLog gathers a case's records. Its methods are safe from any goroutine.
type wireLog struct {
	began time.Time

	mu      sync.Mutex
	records []Record
	omitted int
}

// add keeps r, with a copy of the first of data, unless there are enough.
func (l *wireLog) add(r Record, data []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.records) >= MaxRecords-1 {
		l.omitted++
		return
	}
	r.At = time.Since(l.began)
	r.Length = int64(len(data))
	r.Data = append([]byte(nil), data[:min(len(data), MaxRecordData)]...)
	l.records = append(l.records, r)
}

// note keeps a line of words.
func (l *wireLog) note(format string, args ...any) {
	l.add(Record{Note: fmt.Sprintf(format, args...)}, nil)
}

// all returns the records.
func (l *wireLog) all() []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.omitted > 0 {
		return append(l.records, Record{At: time.Since(l.began), Note: fmt.Sprintf("%d more lines are left out", l.omitted)})
	}
	return l.records
}
