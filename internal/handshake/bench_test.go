package handshake

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/test/allocs"
)

// shake takes a request through everything a server does with a browser's.
func shake(head, dst []byte, r *Request, supported, patterns []string) ([]byte, error) {
	var s Scanner
	end, err := s.Scan(head, Limits{})
	if err != nil {
		return dst, err
	}
	if err := Parse(head[:end], r); err != nil {
		return dst, err
	}
	if err := r.Verify(); err != nil {
		return dst, err
	}
	if err := CheckOrigin(r.Origin, r.Host, false, patterns); err != nil {
		return dst, err
	}
	return AppendResponse(dst, r, Response{Subprotocol: r.SelectSubprotocol(supported)})
}

func TestHandshakeDoesNotAllocate(t *testing.T) {
	supported, patterns := []string{"other", "chat"}, []string{"https://*.example.com", "[::1]:*"}
	heads := map[string]string{
		"several lines": minimal("Connection: keep-alive", "Upgrade: h2c", "Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: chat"),
		"by a pattern":  minimal("Origin: https://a.example.com"),
		"absolute-form": replace("GET", "GET http://example.com/chat HTTP/1.1"),
		"IPv6":          replace("Host", "Host: [2001:db8::1]:9001", "Origin: http://[2001:db8::1]:9001"),
	}
	for _, client := range clients {
		heads[client.name] = client.head
	}
	for name, head := range heads {
		in, out, r := []byte(head), make([]byte, 0, 512), new(Request)
		n := allocs.PerRun(100, func() {
			if _, err := shake(in, out, r, supported, patterns); err != nil {
				t.Fatal(err)
			}
			if _, n := r.field("X-Forwarded-For"); n > 1 {
				t.Fatal(n)
			}
			for name, value := range r.Headers {
				if len(name)+len(value) == 0 {
					t.Fatal("empty field")
				}
			}
			for name := range r.Subprotocols {
				if len(name) == 0 {
					t.Fatal("empty name")
				}
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestRefusingDoesNotAllocate(t *testing.T) {
	for _, in := range hostile() {
		if in.want == nil || len(in.bytes) > MaxHeadBytes {
			continue
		}
		head, r := []byte(in.bytes), new(Request)
		if n := allocs.PerRun(20, func() {
			if _, err := shake(head, nil, r, nil, nil); err == nil {
				t.Fatal("accepted")
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", in.name, n)
		}
	}
}

func BenchmarkHandshake(b *testing.B) {
	supported := []string{"chat"}
	for _, client := range clients {
		b.Run("client="+strings.ReplaceAll(client.name, " ", "-"), func(b *testing.B) {
			head, out, r := []byte(client.head), make([]byte, 0, 512), new(Request)
			patterns := []string{"https://chat.example.com"}
			b.SetBytes(int64(len(head)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := shake(head, out, r, supported, patterns); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkScan feeds one long line, whole and byte by byte: the cost per byte
// of the second is that of a call, whatever the size.
func BenchmarkScan(b *testing.B) {
	for _, size := range []int{1 << 10, 8 << 10, 1 << 20} {
		for _, step := range []int{size, 1} {
			b.Run(fmt.Sprintf("size=%d/step=%d", size, step), func(b *testing.B) {
				in := []byte(strings.Repeat("x", size))
				limits := Limits{MaxHeadBytes: size}
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					var s Scanner
					for n := step; n <= size; n += step {
						if _, err := s.Scan(in[:n], limits); (err != nil) != (n == size) {
							b.Fatal(n, err)
						}
					}
				}
			})
		}
	}
}

func BenchmarkAppendAccept(b *testing.B) {
	key, out := []byte(sampleKey), make([]byte, 0, 64)
	b.SetBytes(keyLen)
	b.ReportAllocs()
	for b.Loop() {
		AppendAccept(out, key)
	}
}

func BenchmarkHTTP(b *testing.B) {
	var r Request
	head := []byte(clients[0].head)
	if err := Parse(head, &r); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(head)))
	b.ReportAllocs()
	for b.Loop() {
		r.HTTP("192.0.2.1:5")
	}
}

func BenchmarkRefusal(b *testing.B) {
	out := make([]byte, 0, 512)
	b.SetBytes(int64(len(ErrVersion.AppendResponse(out, time.Time{}))))
	b.ReportAllocs()
	for b.Loop() {
		ErrVersion.AppendResponse(out, time.Time{})
	}
}
