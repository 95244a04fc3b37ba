package conform

import "time"

// Result is what one case came to.
type Result struct {
	ID, Group, Title string // as in the Case
	Sent, Expected   string // as in the Case
	Came             string // what the server did, in words: its events, in order

	Verdict Verdict
	Closing Closing
	Ended   string // how the connection ended, in words, with the codes

	Took time.Duration
	Wire []Record // at most MaxRecords
}

// Passed reports whether nothing is wrong with r: neither its verdict nor the
// way its connection ended.
func (r *Result) Passed() bool {
	switch r.Closing {
	case ClosingFailed, ClosingWrongCode, ClosingUnclean:
		return false
	}
	return r.Verdict != Failed
}

// Report is what a run came to.
type Report struct {
	URL     string
	Agent   string // the server's Server header field, or ""
	Version string // of this program
	Started time.Time
	Took    time.Duration
	Results []Result // in the cases' order
}

// Passed reports whether every result has passed.
func (r *Report) Passed() bool {
	for i := range r.Results {
		if !r.Results[i].Passed() {
			return false
		}
	}
	return true
}
