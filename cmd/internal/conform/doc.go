// Package conform holds a WebSocket server against RFC 6455: a client that sends
// what it should and what it should not, and judges what comes back.
//
// # Cases
//
// A Case is one conversation with a number, a sentence of what is sent, one of
// what is expected, and code that runs it in a Session. The groups 1 to 13 have
// the numbers and the expectations of the Autobahn testsuite, so that results can
// be compared; groups named by a word go beyond it. The server has to echo:
// every text and binary message comes back as it was sent.
//
// # Verdicts
//
// A Result says how the conversation went (Verdict) and, apart from it, how the
// connection ended (Closing), in Autobahn's words. Result.Passed joins the two.
//
// # Clients
//
// A Server plays the same cases against clients that connect to it, but for those that
// are about requests: what a case says of the server is then said of the client. It
// masks nothing, ends TCP first, and answers offers of compression with what a case asks
// for.
//
// # Independence
//
// Nothing here uses framerail's own frame codec or handshake: a fault that both
// sides share would not be seen.
package conform
