package deflate

// extraCode is what a length or distance code stands for: the least, and how many
// extra bits say how much more. RFC 1951 3.2.5.
type extraCode struct {
	least int
	extra uint
}

var (
	lengthCodes   = makeLengthCodes()   // of the symbols 257 to 285
	distanceCodes = makeDistanceCodes() // of the symbols 0 to 29

	fixedLiterals, fixedDistances = makeFixedCodes()
)

// makeLengthCodes makes the table of RFC 1951 3.2.5: lengths 3 to 10 have a code
// each, then every four codes an extra bit more; 258 has a code of its own.
func makeLengthCodes() [29]extraCode {
	var codes [29]extraCode
	least := 3
	for i := range 28 {
		extra := uint(max(i/4-1, 0))
		codes[i] = extraCode{least, extra}
		least += 1 << extra
	}
	codes[28] = extraCode{258, 0}
	return codes
}

// makeDistanceCodes makes the other table: every two codes an extra bit more.
func makeDistanceCodes() [30]extraCode {
	var codes [30]extraCode
	least := 1
	for i := range codes {
		extra := uint(max(i/2-1, 0))
		codes[i] = extraCode{least, extra}
		least += 1 << extra
	}
	return codes
}

// makeFixedCodes makes the codes of blocks that bring none: RFC 1951 3.2.6.
func makeFixedCodes() (literals, distances huffman) {
	var lengths [288]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	if err := literals.build(lengths[:]); err != nil {
		panic(err)
	}
	for i := range 32 {
		lengths[i] = 5
	}
	if err := distances.build(lengths[:32]); err != nil {
		panic(err)
	}
	return literals, distances
}
