package deflate_test

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/framerail/framerail/frame/deflate"
)

// A server that wants no client's window to be larger than 4 KiB gets three offers, in
// two lines, of which the first has a parameter that it does not know.
func ExampleNegotiate() {
	header := http.Header{"Sec-Websocket-Extensions": {
		"permessage-deflate; fast, permessage-deflate; client_max_window_bits",
		"permessage-deflate",
	}}
	offers := slices.Values(header["Sec-Websocket-Extensions"])
	if agreed, ok := deflate.Negotiate(offers, deflate.Params{ClientMaxWindowBits: 12}); ok {
		fmt.Println("Sec-WebSocket-Extensions:", agreed)
	}
	// Output: Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=12
}

// A client would like the server to use a small window, and takes any if it must.
func ExampleCheckAnswer() {
	wishes := []deflate.Params{{ServerMaxWindowBits: 9}, {}}
	fmt.Printf("Sec-WebSocket-Extensions: %s\n", deflate.AppendOffers(nil, wishes...))

	answer := []string{"permessage-deflate; server_max_window_bits=11"}
	agreed, ok, err := deflate.CheckAnswer(slices.Values(answer), wishes...)
	fmt.Println(agreed, ok, err)
	// Output:
	// Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9; client_max_window_bits, permessage-deflate; client_max_window_bits
	// permessage-deflate; server_max_window_bits=11 true <nil>
}
