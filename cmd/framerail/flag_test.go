package main

import "testing"

func TestByteSizeReadsBinaryUnits(t *testing.T) {
	for text, want := range map[string]byteSize{
		"0":        0,
		"65536":    65536,
		"512B":     512,
		"64KiB":    64 << 10,
		"16 MiB":   16 << 20,
		"1GiB":     1 << 30,
		"8GiB":     8 << 30,
		"8388607B": 8388607,
	} {
		var got byteSize
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
	}
}

func TestByteSizeRefusesWhatIsAmbiguousOrTooBig(t *testing.T) {
	for _, text := range []string{
		"", "B", "KiB", "-1", "1.5MiB", "16MB", "16K", "16 kib", "1e6", "0x10",
		"9223372036854775808", "9007199254740992KiB", "8589934592GiB",
	} {
		var got byteSize
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %d, want an error", text, got)
		}
	}
}

func TestByteSizeStringUsesLargestUnit(t *testing.T) {
	for size, want := range map[byteSize]string{
		0:         "0B",
		1:         "1B",
		1023:      "1023B",
		1 << 10:   "1KiB",
		1536:      "1536B",
		256 << 20: "256MiB",
		3 << 30:   "3GiB",
	} {
		if got := size.String(); got != want {
			t.Errorf("%d is %q, want %q", int64(size), got, want)
		}
	}
}

func TestListenAddrChecksForm(t *testing.T) {
	for text, valid := range map[string]bool{
		"127.0.0.1:9001":  true,
		"[::1]:9001":      true,
		":9001":           true,
		"localhost:0":     true,
		"localhost:":      true,
		"":                false,
		"localhost":       false,
		"::1:9001":        false,
		"localhost:http":  false,
		"localhost:65536": false,
		"localhost:-1":    false,
	} {
		var addr listenAddr
		if err := addr.UnmarshalText([]byte(text)); (err == nil) != valid {
			t.Errorf("%q: %v, want valid %v", text, err, valid)
		}
	}
}
