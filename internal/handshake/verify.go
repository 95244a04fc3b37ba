package handshake

// Verify holds an upgrade to RFC 6455 4.2.1. It checks, in this order, and
// returns the *[Refusal] of the first rule broken:
//
//  1. HTTP/1.1 or a higher HTTP/1.x: else 400. HTTP/1.0 is not 505, which RFC
//     9110 15.6.6 keeps for major versions, and not 426, since there the Upgrade
//     field is to be ignored (RFC 9110 7.8).
//  2. Method GET: else 405 with Allow.
//  3. Upgrade lists websocket: else 426 with Upgrade.
//  4. Connection lists upgrade: else 400.
//  5. No content, since what follows is read as frames: else 400.
//  6. Sec-WebSocket-Version stands at most once, else 400, and is 13: else 426
//     with the version that is understood (4.4).
//  7. Sec-WebSocket-Key stands once and is 16 bytes in base64: else 400.
//  8. Origin stands at most once and is not empty: else 400. Whether it is
//     welcome is for [CheckOrigin].
//  9. Sec-WebSocket-Protocol, if there, lists tokens, or nothing: else 400.
//  10. Sec-WebSocket-Extensions, if there, follows its grammar (9.1), or is empty:
//     else 400.
//  11. Expect, if there, lists nothing but 100-continue: else 417 (RFC 9110 10.1.1).
//
// Over HTTP/2, 1 to 4 and 7 do not apply (RFC 8441 5), and another version gets 400. Host is [Parse]'s: every
// HTTP/1.1 request needs it. Verify does not allocate.
func (r *Request) Verify() error {
	if !r.stream {
		if err := r.verifyUpgrade(); err != nil {
			return err
		}
	}
	if r.HasBody() {
		return ErrBody
	}

	version := &r.known[versionField]
	if version.lines > 1 {
		return ErrVersionRepeated
	}
	if string(version.first) != "13" {
		if r.stream {
			return ErrStreamVersion
		}
		return ErrVersion
	}
	if !r.stream {
		if err := r.verifyKey(); err != nil {
			return err
		}
	}

	origin := &r.known[originField]
	if origin.lines > 1 {
		return ErrOriginRepeated
	}
	if origin.lines == 1 && len(origin.first) == 0 {
		return ErrOriginMalformed
	}
	if err := r.checkLines(protocolField, CheckSubprotocols[[]byte]); err != nil {
		return err
	}
	if err := r.checkLines(extensionsField, CheckExtensions[[]byte]); err != nil {
		return err
	}
	return r.checkLines(expectField, checkExpect)
}

// verifyUpgrade checks 1 to 4.
func (r *Request) verifyUpgrade() error {
	if r.Minor < 1 {
		return ErrHTTP10
	}
	if string(r.Method) != "GET" {
		return ErrMethod
	}
	if !r.hasToken(upgradeField, "websocket") {
		return ErrNotUpgrade
	}
	if !r.hasToken(connectionField, "upgrade") {
		return ErrConnection
	}
	return nil
}

// verifyKey checks 7.
func (r *Request) verifyKey() error {
	key := &r.known[keyField]
	if key.lines == 0 {
		return ErrKeyMissing
	}
	if key.lines > 1 {
		return ErrKeyRepeated
	}
	if !ValidKey(key.first) {
		return ErrKey
	}
	return nil
}

// checkLines holds each line of a field to a rule.
func (r *Request) checkLines(f knownField, rule func(line []byte) error) (err error) {
	r.lines(f, func(line []byte) bool {
		err = rule(line)
		return err == nil
	})
	return err
}
