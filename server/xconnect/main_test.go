package xconnect_test

import (
	"testing"

	"github.com/framerail/framerail/internal/test/leaks"
)

func TestMain(m *testing.M) { leaks.Main(m) }
