package conform

import (
	"bytes"
	"fmt"
)

// headers are cases that Autobahn leaves out: what else a frame's header can get wrong,
// and what is unusual but right.
func headers() []Case {
	g := group{title: "Header"}
	g.unmasked()
	g.maskingKeys()
	g.longForms()
	return g.cases
}

// next is the number of the next case of a group called name.
func (g *group) next(name string) string { return fmt.Sprintf("%s.%d", name, len(g.cases)+1) }

// unmasked adds frames that a client may not send: RFC 6455 5.1.
func (g *group) unmasked() {
	bare := func(f Frame) Frame { f.Unmasked = true; return f }
	for _, c := range []struct {
		what   string
		frames []Frame
	}{
		{"text message", []Frame{bare(text(hello))}},
		{"empty text message", []Frame{bare(text(""))}},
		{"binary message of 64 KiB", []Frame{bare(binaryFrame(bytes.Repeat([]byte{7}, 64<<10)))}},
		{"ping", []Frame{bare(ping(hello))}},
		{"pong", []Frame{bare(pong(hello))}},
		{"Close", []Frame{bare(closeFrame(1000, ""))}},
		{"second fragment", []Frame{text("fragment1").more(), bare(continuation("fragment2"))}},
	} {
		g.add(g.next("header"), "Not masked: "+c.what, "A "+c.what+" that is not masked.",
			"The server fails the connection with 1002, or ends TCP.", exchange{steps: []step{all(c.frames...)}, end: failed})
	}
}

// maskingKeys adds keys that are as good as any.
func (g *group) maskingKeys() {
	payload := string(pattern(1000, true))
	for _, key := range [][4]byte{{}, {0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 1}, {1, 0, 0, 0}} {
		f := text(payload)
		f.Key = &key
		g.add(g.next("header"), fmt.Sprintf("The masking key %x", key), fmt.Sprintf("A text message of 1000 bytes, masked with %x.", key),
			echoed, exchange{steps: []step{all(f)}, ok: []event{textEvent(payload)}, end: normal})
	}
}

// longForms adds lengths in more bytes than they need: RFC 6455 5.2.
func (g *group) longForms() {
	for _, c := range []struct {
		length int
		form   lengthForm
		bits   int
	}{{5, form16, 16}, {125, form16, 16}, {5, form64, 64}, {200, form64, 64}, {65535, form64, 64}} {
		payload := string(pattern(c.length, true))
		for _, f := range []Frame{text(payload), ping(payload)} {
			if f.Opcode == opPing && c.length > 125 {
				continue
			}
			came := event{gotText, f.Payload}
			if f.Opcode == opPing {
				came.kind = gotPong
			}
			f.Form = c.form
			name := opcodeName(f.Opcode)
			g.add(g.next("header"), fmt.Sprintf("A %s with %d as a length in %d bits", name, c.length, c.bits),
				fmt.Sprintf("A %s frame of %d bytes whose length stands in %d bits, which are more than it needs.", name, c.length, c.bits),
				"The server fails the connection with 1002, or ends TCP. To take the frame is NON-STRICT.", exchange{
					steps: []step{all(f)},
					end:   failed,
					or:    []outcome{{verdict: NonStrict, events: []event{came}, end: normal}},
				})
		}
	}
}
