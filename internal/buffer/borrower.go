package buffer

// Borrower has buffers of a pool, such as a transport that keeps what it has not sent yet. Its methods are safe from any
// goroutine.
type Borrower interface {
	// SetPool makes p the source of further buffers. Those that are lent move to p, or go back to their own pool.
	SetPool(p *Pool)
	// Lent is how many bytes of buffers the Borrower has.
	Lent() int
}

// LentTo is how many bytes of buffers v has; 0 if it is no [Borrower].
func LentTo(v any) int {
	if b, ok := v.(Borrower); ok {
		return b.Lent()
	}
	return 0
}
