package conformance

// What several have in common, of compression.
const (
	finalBlock = "what follows a block that says it is the last of its stream is dropped, which RFC 7692 7.2.1 allows to follow"
	anyOffer   = "an offer is accepted whatever its parameters are"
)

// compressionMisses are what each server misses of the cases about compression, those
// that it does not implement among them.
var compressionMisses = map[string][]miss{
	"gorilla-alone": {
		{cases: []string{"13.[3-6].*", "deflate.1.[2-9]", "deflate.1.2[1-9]"}, why: "windows are accepted, and neither answered nor kept to"},
		{cases: []string{"deflate.2.[1-9]", "deflate.2.1[0-8]"}, why: anyOffer},
		{cases: []string{"deflate.3.[278]", "deflate.3.13", "deflate.5.4"}, why: "it never takes a client's context over"},
		{cases: []string{"deflate.3.6"}, why: finalBlock},
		{cases: []string{"deflate.4.[1-5]"}, why: "RSV1 is taken on any frame"},
		{cases: []string{"deflate.4.2[01]"}, why: textUnchecked},
	},
	"gws-takeover": {
		{cases: []string{"13.[35].*", "deflate.1.[1-9]", "deflate.1.1[0-39]", "deflate.1.2[0-689]", "deflate.4.23"},
			why: "windows of 12 bits are answered each way, whatever was offered"},
		{cases: []string{"deflate.1.27"}, why: firstLine},
		{cases: []string{"deflate.2.*"}, why: anyOffer + ", and found anywhere in the header's value"},
		{cases: []string{"deflate.3.6"}, why: finalBlock},
		{cases: []string{"deflate.3.1[23]"}, why: "clients are asked for windows of 12 bits"},
		{cases: []string{"deflate.4.[1-7]"}, why: "with compression on, reserved bits are not checked"},
		{cases: []string{"deflate.4.[89]", "deflate.4.1[0-9]", "deflate.4.22"}, why: "what cannot be inflated is closed with 1011, the code of a fault of the server's own"},
		{cases: []string{"deflate.4.2[01]"}, why: textUnchecked},
	},
	"coder-takeover": {
		{cases: []string{"13.[35].*", "deflate.1.[2-8]", "deflate.1.2[1-9]"}, why: "windows under 15 bits are declined"},
		{cases: []string{"13.[46].*", "deflate.1.9"}, why: "a window of 15 bits is accepted and not answered"},
		{cases: []string{"deflate.2.1[2-4]"}, why: "client_max_window_bits may have any value"},
		{cases: []string{"deflate.2.17"}, why: "a parameter may stand there twice"},
		{cases: []string{"deflate.3.6"}, why: finalBlock},
		{cases: []string{"deflate.4.1[678]"}, why: "a message that ends within a block is taken for whole"},
		{cases: []string{"deflate.4.2[01]"}, why: textUnchecked},
	},
}
