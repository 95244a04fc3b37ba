package topics

import "context"

// Broker carries messages between the Topics of several processes, its nodes. It knows nothing
// of connections, and nothing of what is in a message: Topics encodes and decodes Packet.Data.
//
// Topics calls Run on a goroutine of its own. It calls the other methods only between Node.Up and
// the return of Run. Publish and Interest are called from one goroutine, one after the other. When
// ctx ends or the connection is lost, a method returns soon.
//
// Package topics/brokertest checks a Broker.
type Broker interface {
	// Run connects, calls n.Up once, and hands what arrives to n, until ctx ends or the connection
	// is lost. Then it returns the reason, and n is not called any more. Run does not reconnect: Topics
	// calls it again, after a pause. So reconnecting is switched off in a client library that
	// has its own.
	Run(ctx context.Context, n Node) error
	// Publish hands messages over, those of each topic in their order. It returns when the broker's connection has taken
	// them. Messages with Keep are stored then. taken is how many of the first ones that is true of, also
	// when there is an error. If one is refused, nothing behind it of its topic may be taken: a message that is taken later than one that was
	// published behind it comes to nobody. Topics publishes it again, with the rest of its topic behind it. Other
	// topics go on meanwhile. The message is lost if it is refused three seconds after it was published, and after its topic was first refused; ten seconds
	// while Interest fails too. An error when ctx has ended refuses nothing. ms and all Data belong to the caller again when Publish returns.
	//
	// A Recorder whose call takes longer than a second, and a second more for each MiB, holds up members no longer: they get
	// each other's messages as if it were away, until a call returns without an error. Interest may take two seconds,
	// and 0.1 ms more for each name.
	Publish(ctx context.Context, ms []Packet) (taken int, err error)
	// Interest begins and ends the interest in topics, and in patterns with "*" and ">". There may be
	// 100,000 in one call. It returns when the broker has confirmed them: what anyone publishes
	// from then on comes to Node.Receive. A topic that is on already stays on, and one that is not
	// on may be ended. After an error each of these topics may be on or not, and is given again. After Node.Up nothing is on.
	//
	// A Broker may do without patterns, and bring nothing for them. When it has done the rest of a call with patterns in on, it returns
	// an error that wraps errors.ErrUnsupported. Topics then takes the call for done. Messages are missing only from topics in
	// which there is interest.
	Interest(ctx context.Context, on, off []string) error
}

// Recorder is a Broker that also keeps messages, and gives each a position. All nodes have one order of
// a topic's messages then, and one numbering.
type Recorder interface {
	Broker
	// Since returns the present position of a topic and, unless since is the zero Position, all
	// messages behind since that are kept, in order, each with its At. If since is zero and
	// keep.Last is set, it returns the last message, if there is one.
	//
	// It fails with ErrGap if something behind since is not there any more, if since is of
	// another epoch, or if it lies behind the present position. It fails with ErrTooMuch if the Data takes more
	// than most bytes together. The position is returned with both errors. The Data is the
	// caller's to keep.
	//
	// A topic without messages has a position too, and the same one for all nodes.
	//
	// If a call returns no answer for two seconds, members hear of a gap and go on with what has come. ctx ends then, and the topic
	// is asked about again. While calls for a topic are late, each may take twice as long as the one before, up to 32 seconds.
	//
	// Since is called from several goroutines at once, and while Publish and Interest run.
	Since(ctx context.Context, topic string, keep History, since Position, most int) (missed []Packet, at Position, err error)
}

// Packet is a message on its way between nodes.
type Packet struct {
	Topic string  // without wildcards
	Data  []byte  // the caller's again when Publish or Node.Receive returns
	Keep  History // set by Topics for Publish: what a Recorder is to keep of the topic. Zero: do not record
	// At is set by a Recorder, for Receive and Since. Zero: the message is not recorded. Offsets of a topic
	// grow. They need not be dense.
	At Position
	// Prev is set by a Recorder that knows it: the offset of the message before this one in its topic,
	// so that a missing one is noticed. 0: not known, or there is none. A Recorder that does not know it calls Node.Gap
	// when a message may not have come. Otherwise a client's position would say that it has the message.
	Prev uint64
}

// Node is a process's Topics, as its Broker sees it. The methods return soon. They may be called
// from any goroutine, one after another for what belongs to one topic, in the order of arrival.
type Node interface {
	// ID is random, and differs for each Topics.
	ID() string
	// Up reports that the broker is connected. Interest is given anew from then on.
	Up()
	// Receive reports that a message has arrived. The node's own messages may come too: Topics
	// tells them apart by their Data. With a Recorder those with Keep must come, with their At. A
	// message that several interests match may come once for each.
	Receive(p Packet)
	// Gap reports that something of a topic may not have arrived, as when a buffer was dropped. "": of any topic.
	Gap(topic string)
}
