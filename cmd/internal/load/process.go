package load

import (
	"fmt"
	"time"

	"github.com/prometheus/procfs"
)

// process is a server's process. A nil one has used nothing.
type process struct{ proc procfs.Proc }

// newProcess finds a process by its ID; for 0 there is none.
func newProcess(pid int) (*process, error) {
	if pid == 0 {
		return nil, nil
	}
	proc, err := procfs.NewProc(pid)
	if err != nil {
		return nil, fmt.Errorf("process %d cannot be measured: %w", pid, err)
	}
	return &process{proc}, nil
}

// cpu is the time that it has used. That of a process that has ended is not known any more.
func (p *process) cpu() time.Duration {
	if p == nil {
		return 0
	}
	stat, err := p.proc.Stat()
	if err != nil {
		return 0
	}
	return time.Duration(stat.CPUTime() * float64(time.Second))
}

// memory is what of it is resident, in bytes.
func (p *process) memory() int64 {
	if p == nil {
		return 0
	}
	stat, err := p.proc.Stat()
	if err != nil {
		return 0
	}
	return int64(stat.ResidentMemory())
}
