package deflate_test

import (
	"fmt"

	"github.com/framerail/framerail/frame/deflate"
)

// Two messages of a conversation with context takeover: the second refers to the first.
func ExampleCompressor_Append() {
	var sender, receiver deflate.Window // of one direction, at its two ends
	sender.Use(make([]byte, 1<<deflate.MaxWindowBits))
	receiver.Use(make([]byte, 1<<deflate.MaxWindowBits))

	var c deflate.Compressor
	var f deflate.Inflater
	buf := make([]byte, 1000)
	for _, price := range []string{"17.30", "17.31"} {
		message := fmt.Sprintf(`{"topic":"prices","venue":"Berlin","symbol":"FRM","currency":"EUR","unit":"piece","bid":%s,"ask":18.00,"note":"delayed by a quarter of an hour"}`, price)
		packed := c.Append(nil, []byte(message), &sender, true)
		sender.Add([]byte(message))

		f.Reset(deflate.MaxWindowBits)
		n, _, done, err := f.Inflate(buf, packed, true, &receiver)
		receiver.Add(buf[:n])
		fmt.Println(string(buf[:n]) == message, done, err, len(packed) < len(message)/3)
	}
	// Output:
	// true true <nil> false
	// true true <nil> true
}
