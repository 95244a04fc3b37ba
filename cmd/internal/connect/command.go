package connect

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// help are the commands of lines that begin with a slash.
const help = "/ping [TEXT], /pong [TEXT], /binary HEX, /close [CODE [REASON]]; //TEXT sends /TEXT"

// command does what a line says behind its slash.
func (s *Session) command(ctx context.Context, ws *conn.Conn, line string) error {
	name, rest, _ := strings.Cut(line, " ")
	switch name {
	case "ping":
		return ws.Ping([]byte(rest))
	case "pong":
		return ws.Pong([]byte(rest))
	case "binary":
		payload, err := hex.DecodeString(strings.ReplaceAll(rest, " ", ""))
		if err != nil {
			return errors.New("/binary wants bytes in hexadecimal, such as 00 ff")
		}
		return ws.SendWait(ctx, conn.Message{Type: conn.Binary, Payload: payload})
	case "close":
		digits, reason, _ := strings.Cut(rest, " ")
		if digits == "" {
			return ws.Close(0, "")
		}
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil {
			return errors.New("/close wants a code, such as 1000")
		}
		return ws.Close(frame.CloseCode(n), reason)
	}
	return fmt.Errorf("there is no /%s: %s", name, help)
}
