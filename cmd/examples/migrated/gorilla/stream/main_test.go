package main

import (
	"bufio"
	"context"
	"fmt"
	"testing"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/cmd/examples/internal/exampletest"
	"github.com/framerail/framerail/conn"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func TestStreamAnswersLines(t *testing.T) {
	p := exampletest.Start(t)
	cl := new(client.Client)
	defer cl.Close()
	c, err := cl.Dial(context.Background(), p.URL)
	if err != nil {
		t.Fatal(err)
	}
	nc := conn.NetConn(c, conn.Binary)
	defer nc.Close()
	in := bufio.NewReader(nc)
	for _, step := range [][2]string{{"get tea", "none"}, {"set tea two cups", "ok"}, {"get tea", "two cups"}, {"put tea", "what is put"}} {
		if _, err := fmt.Fprintln(nc, step[0]); err != nil {
			t.Fatal(err)
		}
		if answer, err := in.ReadString('\n'); err != nil || answer != step[1]+"\n" {
			t.Errorf("%s: %q, %v", step[0], answer, err)
		}
	}
	p.Signal(t)
	if b, err := in.ReadByte(); err == nil {
		t.Errorf("%q at the end", b)
	}
	p.End(t)
}
