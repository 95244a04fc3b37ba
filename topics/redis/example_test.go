package redis_test

import (
	"log"

	"github.com/redis/rueidis"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/redis"
)

// A chat in which it does not matter to which of many machines a browser is connected.
func Example() {
	rooms := topics.Topics{
		Broker:  &redis.Broker{Client: rueidis.ClientOption{InitAddress: []string{"127.0.0.1:6379"}}},
		History: func(string) topics.History { return topics.History{Messages: 100} },
	}
	defer rooms.Close()

	srv := &server.Server{Addr: ":8080"}
	srv.OnConnection = func(c *conn.Conn) {
		if _, err := rooms.Subscribe(c, "lobby"); err != nil {
			log.Print(err)
		}
	}
	srv.OnMessage = func(_ *conn.Conn, m conn.Message) {
		if _, err := rooms.Publish("lobby", m); err != nil {
			log.Print(err)
		}
	}
	log.Fatal(srv.ListenAndServe())
}
