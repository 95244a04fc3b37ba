// Package deflate is permessage-deflate (RFC 7692) as a conformance runner needs
// it in the client's role: offers, a strict reading of the answer, a compressor,
// and an inflater that has exactly the window that was agreed. It shares no code
// with the library that is tested, and its inflater none with any other.
//
// [Blocks] writes DEFLATE blocks by hand, for what no compressor writes.
package deflate
