package handshake

import (
	"errors"
	"strings"

	"github.com/framerail/framerail/frame/deflate"
)

// Deflate has a server's or a client's options for permessage-deflate (RFC 7692). Their own types have
// the same fields and describe them.
type Deflate struct {
	Enabled          bool
	ServerTakeover   bool
	ClientTakeover   bool
	ServerWindowBits int
	ClientWindowBits int
}

// Wish is what this side asks the other one for.
func (o *Deflate) Wish() deflate.Params {
	return deflate.Params{
		ServerNoContextTakeover: !o.ServerTakeover,
		ClientNoContextTakeover: !o.ClientTakeover,
		ServerMaxWindowBits:     o.ServerWindowBits,
		ClientMaxWindowBits:     o.ClientWindowBits,
	}
}

// Validate refuses what cannot be meant.
func (o *Deflate) Validate() error {
	if !o.Enabled && *o != (Deflate{}) {
		return errors.New("framerail: Deflate has settings, but is not Enabled")
	}
	if err := o.Wish().Validate(); err != nil {
		return errors.New("framerail: Deflate: " + strings.TrimPrefix(err.Error(), "framerail: "))
	}
	return nil
}
