package frame

import "math"

// AllowRSV1 says whether messages may have RSV1 in their first frame, which marks a
// compressed one (RFC 7692 6): only where both endpoints have agreed on it. It is
// called between two messages; Reset takes it back.
//
// Of a message with RSV1 the payload is what was compressed, so
// that text in it is not checked, and MaxMessageSize cannot say how long it is: it may
// have twice as many bytes and a KiB more, which is ample for what does not compress.
// What it says once inflated is the caller's to check and to limit. RSV1 tells which
// messages these are.
func (d *Decoder) AllowRSV1(allow bool) {
	d.rsv = 0
	if allow {
		d.rsv = bitRSV1
	}
}

// RSV1 reports whether the message that the last event with Text or Binary was of had
// RSV1 in its first frame. (In the Event, it would not fit the registers of Next's result:
// BenchmarkNext.)
func (d *Decoder) RSV1() bool { return d.rsv1 }

// compressedSize is the most bytes that a compressed message of at most size bytes may
// have.
func compressedSize(size int64) int64 {
	const slack = 1 << 10
	if size > (math.MaxInt64-slack)/2 {
		return math.MaxInt64
	}
	return 2*size + slack
}
