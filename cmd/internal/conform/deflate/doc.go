// Package deflate is permessage-deflate (RFC 7692) for a conformance runner, in the
// client's role. It makes offers, reads answers strictly, compresses, and inflates with
// exactly the window that was agreed. It shares no code with the library that is tested.
// Its inflater shares none with any other.
//
// [Blocks] writes DEFLATE blocks by hand that no compressor would write.
package deflate
