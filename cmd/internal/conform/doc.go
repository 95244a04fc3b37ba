// Package conform tests a WebSocket server against RFC 6455. Its client sends valid and
// invalid input, and judges the answers.
//
// # Cases
//
// A Case is one conversation. It has a number, a sentence about its input, a sentence
// about the expected answer, and code that runs it in a Session. The groups 1 to 13 have
// the numbers and the expectations of the Autobahn testsuite, so that results can be
// compared. Groups named by a word go beyond it. The server has to echo: it sends every
// text and binary message back unchanged.
//
// # Verdicts
//
// A Result says how the conversation went (Verdict) and, apart from it, how the
// connection ended (Closing), in Autobahn's words. Result.Passed joins the two.
//
// # Clients
//
// A Server plays the same cases against clients that connect to it, except cases about
// requests. Statements of a case about the server then hold for the client. The Server
// does not mask, ends TCP first, and answers offers of compression as the case asks.
//
// # Independence
//
// Nothing here uses framerail's own frame codec or handshake. A fault that both sides
// share would stay hidden.
package conform
