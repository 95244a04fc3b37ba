package topics

import "errors"

// Errors of calls that a program made. Compare with errors.Is.
var (
	// ErrName: the name is empty, has an empty token, has a space or a control character, is not
	// UTF-8, or has > before its end.
	ErrName = errors.New(`framerail: not a name of a topic: it is UTF-8 without spaces, of tokens between dots, none is empty, and ">" is the last`)
	// ErrNameTooLong: the name has more than MaxNameLen bytes.
	ErrNameTooLong = errors.New("framerail: the name is longer than MaxNameLen")
	// ErrWildcard: the name has a wildcard, which is for Subscribe and Unsubscribe alone.
	ErrWildcard = errors.New("framerail: a name with a wildcard is for Subscribe alone")
	// ErrTooManyTopics: the connection has MaxTopics topics, or as many of its calls of SubscribeSince have no answer yet.
	ErrTooManyTopics = errors.New("framerail: the connection has MaxTopics topics")
	// ErrTooManyMembers: the topic has MaxMembers members, or as many calls of SubscribeSince wait for it.
	ErrTooManyMembers = errors.New("framerail: the topic has MaxMembers members")
	// ErrBusy: an event loop with members is behind with MaxBacklog bytes of messages. Or a Recorder keeps the
	// topic, and MaxOutbox bytes wait for it, or for it to send them back. Nothing was published. Publish less, or later. For
	// SubscribeSince it is that calls with MaxBacklog bytes wait for the connection's event loop.
	ErrBusy = errors.New("framerail: an event loop is MaxBacklog behind, or the broker MaxOutbox")
	// ErrNotSubscribed: the connection is no member of the topic.
	ErrNotSubscribed = errors.New("framerail: the connection is no member of the topic")
	// ErrGap: what came after the position is not known any more, or was never known. The
	// connection was sent nothing, and did not join. The client must begin anew: Subscribe, or
	// SubscribeSince with the zero Position.
	ErrGap = errors.New("framerail: the messages since that position are not all there")
	// ErrTooMuch: what came after the position does not fit into what is free of the connection's MaxPending now: half of it is
	// kept for a Writer that is open. Or it is more than MaxPending before it is compressed. The connection was sent nothing, and did
	// not join.
	ErrTooMuch = errors.New("framerail: the messages since that position do not fit into MaxPending")
)
