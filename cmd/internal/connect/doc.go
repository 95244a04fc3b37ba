// Package connect lets a person talk with a WebSocket server. Each line that is typed is sent as a
// message. What comes is shown with its time, its opcode and its size. The lines may come from a
// pipe too.
package connect
