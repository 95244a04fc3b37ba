package load

import (
	"fmt"
	"time"

	"github.com/prometheus/procfs"
)

// process is a server's process. A nil one has used nothing.
type process struct {
	proc procfs.Proc
	last procfs.ProcStat // what was known of it when it was last there
}

// newProcess finds a process by its ID; for 0 there is none.
func newProcess(pid int) (*process, error) {
	if pid == 0 {
		return nil, nil
	}
	proc, err := procfs.NewProc(pid)
	if err != nil {
		return nil, fmt.Errorf("process %d cannot be measured: %w", pid, err)
	}
	return &process{proc: proc}, nil
}

// look looks at the process. One that has ended stays as it was last.
func (p *process) look() *procfs.ProcStat {
	if stat, err := p.proc.Stat(); err == nil {
		p.last = stat
	}
	return &p.last
}

// cpu is the time that it has used.
func (p *process) cpu() time.Duration {
	if p == nil {
		return 0
	}
	return time.Duration(p.look().CPUTime() * float64(time.Second))
}

// memory is what of it is resident, in bytes.
func (p *process) memory() int64 {
	if p == nil {
		return 0
	}
	return int64(p.look().ResidentMemory())
}
