package secure

// records counts the records that arrive, by their headers (RFC 8446 5.1). crypto/tls does not
// report them. The counts say whether crypto/tls may hold more data, and how many records had
// none.
type records struct {
	head  [headerLen]byte
	have  uint8  // bytes of head that have come
	left  uint16 // bytes of the record that are still to come
	whole int    // records that have come and were not seen to be read
	debt  int    // for those that had no data
}

const (
	headerLen = 5

	// A record without data costs recordCost, one with data pays 1 back, and the
	// connection is cut when it owes more than recordDebt. That is 64 of them, and one to
	// every four others: key updates are due after some ten million records (RFC 8446
	// 5.5). crypto/tls itself bounds those that come in a row, to 16.
	recordCost = 4
	recordDebt = 64 * recordCost
)

// came counts the records in bytes that have arrived.
func (r *records) came(b []byte) {
	for len(b) > 0 {
		if r.left > 0 {
			n := min(int(r.left), len(b))
			b = b[n:]
			if r.left -= uint16(n); r.left == 0 {
				r.whole++
			}
			continue
		}
		n := copy(r.head[r.have:], b)
		b = b[n:]
		if r.have += uint8(n); r.have == headerLen {
			r.have = 0
			if r.left = uint16(r.head[3])<<8 | uint16(r.head[4]); r.left == 0 {
				r.whole++
			}
		}
	}
}

// opened notes that a record's data was read. A record that is read in pieces counts more than
// once. That is to the peer's advantage, and the peer did send data.
func (r *records) opened() {
	r.whole = max(r.whole-1, 0)
	r.debt = max(r.debt-1, 0)
}

// atRest reports that every record that has arrived was read, and none is incomplete.
func (r *records) atRest() bool { return r.whole == 0 && r.left == 0 && r.have == 0 }

// settle counts records without data: those that are left when crypto/tls asks for more bytes. It
// returns false if there were too many.
func (r *records) settle() bool {
	r.debt += r.whole * recordCost
	r.whole = 0
	return r.debt <= recordDebt
}

// handshakeDone forgets the handshake's records.
func (r *records) handshakeDone() { r.whole, r.debt = 0, 0 }
