package frame

// Limits of the messages a Decoder accepts. The zero value is safe against
// strangers.
type Limits struct {
	// MaxMessageSize is the most payload bytes one message may have, over all
	// its fragments. 0 or less: 256 KiB. math.MaxInt64: no limit.
	// A peer that claims more fails with ErrMessageTooBig before it sends them.
	MaxMessageSize int64

	// MaxFragments is the most frames one message may come in. 0 or less:
	// 131,072. One more fails with ErrTooManyFragments.
	MaxFragments int
}

const (
	// defaultMaxMessageSize is 256 KiB: chat, events and documents pass, and a
	// thousand peers that each fill it hold 256 MiB.
	defaultMaxMessageSize = 256 << 10

	// defaultMaxFragments is 131,072 frames. The conformance suite most servers
	// are measured with sends 4 MiB in 64-byte pieces, which is 65,536. Memory
	// is bounded by bytes whatever the number; this bounds the time that a
	// message of empty fragments can take (CVE-2026-48779).
	defaultMaxFragments = 1 << 17
)

// SetLimits changes the limits for the messages that begin from then on. While a message is
// in progress it does nothing, and returns false.
func (d *Decoder) SetLimits(limits Limits) bool {
	if d.opcode != Continuation {
		return false
	}
	d.setLimits(limits)
	return true
}

func (d *Decoder) setLimits(limits Limits) {
	d.maxSize = limits.MaxMessageSize
	if d.maxSize <= 0 {
		d.maxSize = defaultMaxMessageSize
	}
	d.maxFragments = limits.MaxFragments
	if d.maxFragments <= 0 {
		d.maxFragments = defaultMaxFragments
	}
}
