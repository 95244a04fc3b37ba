package client

import (
	"os"
	"testing"

	"github.com/framerail/framerail/internal/test/leaks"
)

// TestMain forgets the proxies of the machine that the tests run on, but for a process that a test has started to use one.
func TestMain(m *testing.M) {
	if os.Getenv("FRAMERAIL_TEST_PROXY") == "" {
		for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
			_ = os.Unsetenv(name)
		}
	}
	leaks.Main(m)
}
