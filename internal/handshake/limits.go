package handshake

const (
	// MaxHeadBytes is the default limit of a request head in bytes, its closing
	// empty line included. Browsers send 500 to 1,000 bytes and cookies seldom
	// pass 4 KiB; 8 KiB is what RFC 9112 section 3 recommends as the least for a
	// request line, and what most servers and proxies in front take as well.
	MaxHeadBytes = 8 << 10

	// MaxHeaders is the default limit of field lines in one head. Browsers send
	// 12 to 20. It bounds the work of each look-up (the attack of
	// CVE-2024-37890 was a head of thousands of lines).
	MaxHeaders = 100

	// headBytesCeiling caps what a program may set. It keeps the Scanner's
	// position in 32 bits, and a head near it is no handshake.
	headBytesCeiling = 1 << 20
)

// Limits bound a request head. The zero value is the default.
type Limits struct {
	// MaxHeadBytes is the longest head in bytes, its closing empty line
	// included. 0 or less: 8 KiB, the constant MaxHeadBytes. Above 1 MiB counts
	// as 1 MiB.
	MaxHeadBytes int

	// MaxHeaders is the largest number of field lines. 0 or less: 100, the
	// constant MaxHeaders.
	MaxHeaders int
}

// HeadBytes is MaxHeadBytes with its default and its ceiling.
func (l Limits) HeadBytes() int {
	if l.MaxHeadBytes <= 0 {
		return MaxHeadBytes
	}
	return min(l.MaxHeadBytes, headBytesCeiling)
}

func (l Limits) headers() int {
	if l.MaxHeaders <= 0 {
		return MaxHeaders
	}
	return min(l.MaxHeaders, headBytesCeiling)
}
