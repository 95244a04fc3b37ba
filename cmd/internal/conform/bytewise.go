package conform

import "context"

// bytewise are cases again, the handshake included, with every byte in a write of its
// own: how bytes arrive means nothing. Those that run alone are left out, as they are
// too long for it.
func bytewise(cases []Case) []Case {
	var again []Case
	for _, c := range cases {
		if c.Serial {
			continue
		}
		run := c.Run
		c.ID, c.Group = "bytes."+c.ID, "Single bytes"
		c.Sent += " Every byte is sent by itself."
		c.Timeout = 4 * max(c.Timeout, DefaultTimeout)
		c.Run = func(ctx context.Context, s *Session) {
			s.chop = 1
			run(ctx, s)
		}
		again = append(again, c)
	}
	return again
}
