package mask_test

import (
	"fmt"

	"github.com/framerail/framerail/mask"
)

// The masked "Hello" of RFC 6455 5.7.
func ExampleXOR() {
	k := mask.KeyFromBytes([4]byte{0x37, 0xfa, 0x21, 0x3d})
	payload := []byte{0x7f, 0x9f, 0x4d, 0x51, 0x58}
	mask.XOR(payload, k)
	fmt.Printf("%s\n", payload)
	// Output: Hello
}

// A payload that comes in two pieces.
func ExampleKey_Rotate() {
	k := mask.KeyFromBytes([4]byte{0x37, 0xfa, 0x21, 0x3d})
	first, second := []byte{0x7f, 0x9f, 0x4d}, []byte{0x51, 0x58}
	mask.XOR(first, k)
	mask.XOR(second, k.Rotate(len(first)))
	fmt.Printf("%s%s\n", first, second)
	// Output: Hello
}
