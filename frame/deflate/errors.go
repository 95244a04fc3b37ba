package deflate

import "github.com/framerail/framerail/frame"

// The rules that a compressed message can break; the code to close with is 1007.
var (
	ErrCorrupt = &frame.Error{Code: frame.InvalidFramePayloadData, Rule: "a compressed message is not DEFLATE data", Section: "RFC 7692 7.2.2"}
	ErrCut     = &frame.Error{Code: frame.InvalidFramePayloadData, Rule: "a compressed message ends within a DEFLATE block", Section: "RFC 7692 7.2.2"}
	ErrHistory = &frame.Error{Code: frame.InvalidFramePayloadData, Rule: "a compressed message refers to bytes before all that it may refer to", Section: "RFC 7692 7.2.2"}
	ErrWindow  = &frame.Error{Code: frame.InvalidFramePayloadData, Rule: "a compressed message refers to bytes beyond the agreed window", Section: "RFC 7692 7.1.2"}
)
