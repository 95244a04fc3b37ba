package session

// Loops are event loops that a program passes on, from a server to a client. It cannot look inside.
type Loops struct{ all any }

// ShareLoops makes Loops.
func ShareLoops(all any) Loops { return Loops{all} }

// All are the loops as they were given to ShareLoops; nil for the zero value.
func (l Loops) All() any { return l.all }
