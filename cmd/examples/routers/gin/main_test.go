package main

import (
	"testing"

	"github.com/framerail/framerail/cmd/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func TestRooms(t *testing.T) { exampletest.Rooms(t) }
