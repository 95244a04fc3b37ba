package session

import (
	"testing"

	"github.com/framerail/framerail/internal/leaks"
)

func TestMain(m *testing.M) { leaks.Main(m) }
