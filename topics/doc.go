// Package topics sends messages to many connections: to all that are subscribed to a topic. It
// encodes a message once, and compresses it once. It can tell who is there, and give a client
// that comes back what it has missed.
//
//	var rooms topics.Topics
//
//	srv := &server.Server{Addr: ":8080"}
//	srv.OnConnection = func(c *conn.Conn) { rooms.Subscribe(c, "lobby") }
//	srv.OnMessage = func(c *conn.Conn, m conn.Message) { rooms.PublishExcept("lobby", c, m) }
//	log.Fatal(srv.ListenAndServe())
//
// The connections may be of several servers, of Server.Upgrade, and of package client.
//
// # Names
//
// A name is a list of tokens between dots, such as "rooms.7.chat", as in NATS. A subscription may
// have wildcards: "rooms.*.chat" matches one token, and "rooms.>" one or more at the end. Anything
// that keeps something needs a name without wildcards. What a client may subscribe to is for the
// program to check. [CheckName] refuses wildcards.
//
// # Delivery
//
// A message reaches a member at most once. Messages of one goroutine to one topic arrive in their
// order. A member that does not read holds up no other. Its connection's overflow policy decides what
// happens: by default the connection closes. Under a policy that refuses or drops messages,
// [Topics.OnLost] reports what the member lost, with the position from which it can ask again. A message that is
// larger than a connection's MaxPending is not sent to it, and that is logged.
//
// What is published waits for the event loops, up to [Topics.MaxBacklog] for each. Beyond it Publish
// fails with [ErrBusy].
//
// # Coming back
//
// A topic whose [History] keeps messages has a [Position]. Publish and Subscribe return it, and
// [Topics.Stamp] puts it into the message. A client remembers the last position it has seen,
// over its connections. When it comes back, [Topics.SubscribeSince] sends it all that it missed, in
// order and once, or answers [ErrGap] or [ErrTooMuch] and sends nothing. Positions are of one process, unless there is a
// [Recorder]. They end when the process does, and when the topic is forgotten after [History].Age.
//
// # Several processes
//
// A [Broker] connects the Topics of several processes, its nodes. Members on all nodes get what one of them publishes. A
// node asks the broker for each topic once, however many members it has, and its own messages reach its members
// once. The first call begins the connection, and [Topics.Close] ends it. A connection that is lost is made again, after
// a random pause of up to 15 seconds.
//
// Nodes number what they publish. So a message that did not come is noticed by the next one, or within a few seconds by the
// number that a quiet publisher repeats. A node that begins to listen takes each publisher as it is for ten seconds: what did not come before the
// first that it hears of it is not noticed then. BrokerStats.Missed counts what did not come.
//
// A [Recorder] is a broker that keeps messages too. Topics that keep something have its positions then: all nodes have one
// order, and a client may come back to any node. A publisher's own members get its message when the Recorder has it. What
// a node has missed, it asks the Recorder for. Without a Recorder positions are of one node, and each gap begins another epoch.
//
// While the broker is away, members of one node get each other's messages, with positions of their own. A [Recorder] that is
// connected, and does not answer for a second, is away too. If it carries messages, and does not answer for two seconds what was missed,
// members have one gap. What is for other nodes waits, up to [Topics.MaxOutbox]. When the
// broker is back, members get what they have missed, once. If that is not to be had, [Topics.OnGap] is called for each member of
// the topic, before anything newer is sent to it.
//
// # Concurrency
//
// All methods may be called from any goroutine, callbacks included, and none of them but Close blocks. The
// lists of members belong to the event loops. A message wakes each loop once. Messages that wait for a loop together leave in
// one write to each member. What comes while the loop is at them may take another. OnInterest, OnChange and OnLost run one after another on
// a goroutine of their own. OnGap, and the answer of SubscribeSince, run on the connection's event loop. History and
// Stamp run inside the call that needs them, or where a broker's messages arrive.
//
// # Memory
//
// A subscription takes about 60 bytes. Messages that wait for slow members of a server are shared: they count in full
// in each connection's pending bytes, and once in the server's budget of buffers. If a message waits for members of several
// servers, it is in the budget of the one where it began to wait, until it waits for nobody. A client's member has a copy.
//
// What a topic keeps is bounded by its History, and counts in neither. While a message is on its way it also has a compressed
// form for each level and window of the members that it is for. A form that is no shorter than the message is not kept. When the message
// has been sent the forms go, except those of the message that History.Last keeps. For members that come back later it is compressed
// again, once for those that come back together.
package topics
