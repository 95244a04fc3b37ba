package main

import (
	"errors"
	"flag"
	"log/slog"
	"os"
	"strings"

	"github.com/redis/rueidis"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/nats"
	"github.com/framerail/framerail/topics/nats/embedded"
	"github.com/framerail/framerail/topics/redis"
)

// secretVariable is the environment variable of the secret that the nodes of a cluster share. A flag would be seen by
// everybody on the machine.
const secretVariable = "FRAMERAIL_CLUSTER_SECRET"

// joint is how the nodes are joined, by flags.
type joint struct {
	nats      string
	jetstream bool
	redis     string
	listen    string
	cluster   string
	store     string
	replicas  int
}

func (j *joint) flags(f *flag.FlagSet) {
	f.StringVar(&j.nats, "nats", "", "join the others over NATS at this `URL`")
	f.BoolVar(&j.jetstream, "jetstream", false, "with --nats: the server keeps the lines, with JetStream")
	f.StringVar(&j.redis, "redis", "", "join the others over Redis, or Valkey, at this `URL`; it keeps the lines")
	f.StringVar(&j.listen, "cluster-listen", "", "join the others without a server: listen for them at `ADDR`, HOST:PORT. Other addresses than loopback need a secret in "+secretVariable)
	f.StringVar(&j.cluster, "cluster", "", "with --cluster-listen: the others' `ADDR,...`; one of them is enough")
	f.StringVar(&j.store, "store", "", "with --cluster-listen: the nodes keep the lines, each in a `DIR`ectory of its own")
	f.IntVar(&j.replicas, "replicas", 1, "with --store: how many nodes have each line, `N`")
}

var (
	errTwoWays  = errors.New("--nats, --redis and --cluster-listen exclude each other")
	errNoListen = errors.New("--cluster and --store are for --cluster-listen")
	errNoStore  = errors.New("--replicas is for --store")
	errNoNATS   = errors.New("--jetstream is for --nats")
)

// check reports flags that do not go together.
func (j *joint) check() error {
	ways := 0
	for _, way := range []string{j.nats, j.redis, j.listen} {
		if way != "" {
			ways++
		}
	}
	switch {
	case ways > 1:
		return errTwoWays
	case j.listen == "" && (j.cluster != "" || j.store != ""):
		return errNoListen
	case j.store == "" && j.replicas != 1:
		return errNoStore
	case j.nats == "" && j.jetstream:
		return errNoNATS
	}
	return nil
}

// join returns the broker that joins the nodes, or nil for a node that is alone. leave ends what was started for it.
func (j *joint) join(log *slog.Logger) (broker topics.Broker, leave func(), err error) {
	leave = func() {}
	if err := j.check(); err != nil {
		return nil, nil, err
	}
	switch {
	case j.nats != "":
		return natsBroker(&nats.Recorder{Broker: nats.Broker{URL: j.nats}}, j.jetstream), leave, nil
	case j.redis != "":
		client, err := rueidis.ParseURL(j.redis)
		return &redis.Broker{Client: client}, leave, err
	case j.listen != "":
		server := &embedded.Server{ClusterListen: j.listen, Secret: os.Getenv(secretVariable), StoreDir: j.store, Logger: log}
		if j.cluster != "" {
			server.Routes = strings.Split(j.cluster, ",")
		}
		if err := server.Start(); err != nil {
			return nil, nil, err
		}
		r := &nats.Recorder{Broker: nats.Broker{Options: server.Options()}, Replicas: j.replicas}
		return natsBroker(r, j.store != ""), server.Close, nil
	}
	return nil, leave, nil
}

// natsBroker is a Recorder, or its Broker alone if the server has no JetStream.
func natsBroker(r *nats.Recorder, jetstream bool) topics.Broker {
	if !jetstream {
		return &r.Broker
	}
	return r
}
