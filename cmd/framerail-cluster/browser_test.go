package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/framerail/framerail/cmd/internal/cable"
	"github.com/framerail/framerail/cmd/internal/chatpage"
	"github.com/framerail/framerail/cmd/internal/chromium"
	"github.com/framerail/framerail/internal/test/child"
	"github.com/framerail/framerail/internal/test/missing"
	"github.com/framerail/framerail/internal/test/port"
	"github.com/framerail/framerail/topics/nats/embedded"
)

// talk has two tabs talk on two nodes, while the network of one is cut and comes back. Then that node dies, and the tab
// goes on with another.
func talk(t *testing.T, one, two, another *process, name string) {
	t.Helper()
	network := cable.Start(t, two.host())
	browser := chromium.Start(t, 8*patience)
	ada, bo := chatpage.Open(t, browser, one.url+"garden"), chatpage.Open(t, browser, "http://"+network.Addr+"/garden")
	chatpage.TalkThroughCuts(ada, bo, network)
	ada.Until(`document.querySelector("#node").textContent`, "node one")
	bo.Until(`document.querySelector("#node").textContent`, "node two")
	ada.Until(`document.querySelector("#people").innerText.replace(/\s+/g, " ")`, "Ada you Bo two")

	two.kill()
	bo.State("Reconnecting")
	ada.Say("ten")
	ada.Until(last, "ten")
	network.Lead(another.host())
	bo.State("Connected")
	bo.Until(`document.querySelector("#node").textContent`, "node "+name)
	bo.Until(last, "ten")
	bo.Say("eleven")
	ada.Until(last, "eleven")
	bo.Until(last, "eleven")
	for _, p := range []*chatpage.Page{ada, bo} {
		p.Until(`[...document.querySelectorAll("#lines .text")].slice(-4).map(e => e.innerText).join("|")`, "eight|nine|ten|eleven")
		p.Until(`String(document.querySelector("#lines").innerText.includes("missing"))`, "false")
	}
}

// last is a JavaScript expression: the last line that was said.
const last = `[...document.querySelectorAll("#lines .text")].at(-1).innerText`

// Three programs are a cluster with nothing installed.
func TestBrowser_TwoNodesOfThree(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 10 s")
	}
	addrs := []string{port.Free(t), port.Free(t), port.Free(t)}
	var nodes []*process
	for i, name := range []string{"one", "two", "three"} {
		nodes = append(nodes, launch(t, "--node="+name, "--cluster-listen="+addrs[i], "--cluster="+strings.Join(addrs, ","),
			"--store="+t.TempDir(), "--replicas=3"))
	}
	for _, p := range nodes {
		p.wait(t)
	}
	talk(t, nodes[0], nodes[1], nodes[2], "three")
	nodes[0].stop(t)
	nodes[2].stop(t)
}

func TestBrowser_TwoNodesOverNATS(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 10 s")
	}
	server := &embedded.Server{Listen: port.Free(t), StoreDir: t.TempDir()}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	url := "--nats=nats://" + server.Listen
	one, two := launch(t, "--node=one", url, "--jetstream").wait(t), launch(t, "--node=two", url, "--jetstream").wait(t)
	talk(t, one, two, one, "one")
	one.stop(t)
}

func TestBrowser_TwoNodesOverRedis(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 10 s")
	}
	url := "redis://" + redisServer(t)
	one, two := launch(t, "--node=one", "--redis="+url).wait(t), launch(t, "--node=two", "--redis="+url).wait(t)
	talk(t, one, two, one, "one")
	one.stop(t)
}

// redisServer starts a real Redis, until the test ends, and returns its address. Without the program the test
// is skipped, but for CI, where it has to be there.
func redisServer(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		missing.End(t, "no redis-server on this machine: install the package redis-server to run this test")
	}
	addr := port.Free(t)
	_, number, _ := strings.Cut(addr, ":")
	cmd := exec.Command(path, "--port", number, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir())
	child.EndWithTest(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true})
		if err == nil {
			err = client.Do(context.Background(), client.B().Ping().Build()).Error()
			client.Close()
		}
		if err == nil {
			return addr
		}
		if time.Now().After(end) {
			t.Fatal(fmt.Errorf("redis-server does not answer: %w", err))
		}
	}
}
