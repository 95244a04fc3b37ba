package topics

import "strings"

// patterns are the topics with wildcards, by token.
type patterns struct {
	next  map[string]*patterns // also for the token "*"
	here  *topic               // the pattern that ends here
	below *topic               // the one that ends here with ">"
}

// place is where the topic of a pattern is kept, if there is such a place yet.
func (n *patterns) place(pattern string, grow bool) **topic {
	for more := true; more; {
		var token string
		token, pattern, more = strings.Cut(pattern, ".")
		if token == ">" {
			return &n.below
		}
		next := n.next[token]
		if next == nil {
			if !grow {
				return nil
			}
			if n.next == nil {
				n.next = make(map[string]*patterns)
			}
			next = new(patterns)
			n.next[token] = next
		}
		n = next
	}
	return &n.here
}

// match appends the patterns that match a name, or the rest of one.
func (n *patterns) match(name string, to []*topic) []*topic {
	if n.below != nil {
		to = append(to, n.below)
	}
	token, rest, more := strings.Cut(name, ".")
	for _, next := range [2]*patterns{n.next[token], n.next["*"]} {
		switch {
		case next == nil:
		case more:
			to = next.match(rest, to)
		case next.here != nil:
			to = append(to, next.here)
		}
	}
	return to
}

// remove forgets a pattern, and reports whether n is empty then.
func (n *patterns) remove(pattern string) bool {
	token, rest, more := strings.Cut(pattern, ".")
	next := n.next[token]
	switch {
	case token == ">":
		n.below = nil
	case next == nil:
	case more:
		if next.remove(rest) {
			delete(n.next, token)
		}
	default:
		next.here = nil
		if next.isEmpty() {
			delete(n.next, token)
		}
	}
	return n.isEmpty()
}

func (n *patterns) isEmpty() bool { return n.here == nil && n.below == nil && len(n.next) == 0 }

// all appends all patterns.
func (n *patterns) all(to []*topic) []*topic {
	if n.here != nil {
		to = append(to, n.here)
	}
	if n.below != nil {
		to = append(to, n.below)
	}
	for _, next := range n.next {
		to = next.all(to)
	}
	return to
}
