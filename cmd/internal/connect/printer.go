package connect

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/framerail/framerail/conn"
)

// Printer shows what happens. All methods are safe from any goroutine.
type Printer struct {
	Out io.Writer
	// Raw writes the payloads of messages alone: each text in a line, and binary as it is. What
	// goes wrong is then written to Err.
	Raw bool
	Err io.Writer
	// Terminal shows characters that could steer a terminal as dots.
	Terminal bool
	// Now is the clock. Nil: time.Now.
	Now func() time.Time

	mu sync.Mutex
}

// mostShown bounds how many bytes are shown of a binary message.
const mostShown = 512

// line writes a line with the time.
func (p *Printer) line(to io.Writer, mark, text string) {
	now := p.Now
	if now == nil {
		now = time.Now
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(to, "%s %s %s\n", now().Format("15:04:05.000"), mark, p.clean(text))
}

// event shows what is no frame.
func (p *Printer) event(format string, args ...any) {
	if !p.Raw {
		p.line(p.Out, "=", fmt.Sprintf(format, args...))
	}
}

// problem shows what has gone wrong.
func (p *Printer) problem(format string, args ...any) {
	if p.Raw {
		p.line(p.Err, "=", fmt.Sprintf(format, args...))
		return
	}
	p.event(format, args...)
}

// message shows one that came.
func (p *Printer) message(m conn.Message) {
	if p.Raw {
		p.mu.Lock()
		defer p.mu.Unlock()
		_, _ = p.Out.Write(m.Payload) // whoever reads it may have gone
		if m.Type == conn.Text {
			_, _ = io.WriteString(p.Out, "\n")
		}
		return
	}
	head := fmt.Sprintf("%s %d B", m.Type, len(m.Payload))
	if m.Type == conn.Text {
		p.line(p.Out, "<", head+"  "+string(m.Payload))
		return
	}
	shown := m.Payload[:min(len(m.Payload), mostShown)]
	text := head
	if dump := strings.TrimSuffix(hex.Dump(shown), "\n"); dump != "" {
		text += "\n" + dump
	}
	if rest := len(m.Payload) - len(shown); rest > 0 {
		text += fmt.Sprintf("\n… and %d bytes more", rest)
	}
	p.line(p.Out, "<", text)
}

// control shows a ping or a pong that came.
func (p *Printer) control(name string, payload []byte) {
	if p.Raw {
		return
	}
	text := fmt.Sprintf("%s %d B", name, len(payload))
	if len(payload) > 0 {
		text += fmt.Sprintf("  %q", payload)
	}
	p.line(p.Out, "<", text)
}

// clean has no characters that could steer a terminal.
func (p *Printer) clean(s string) string {
	if !p.Terminal {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, s)
}
