package proxyproto

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// Version 2 is binary: section 2.2 of the specification.
const (
	signature = "\r\n\r\n\x00\r\nQUIT\n"
	fixedLen  = len(signature) + 4 // with version and command, family and transport, length

	commandLocal = 0x20 // and the version above it
	commandProxy = 0x21

	familyUnspec = 0
	familyInet   = 1
	familyInet6  = 2
	familyUnix   = 3

	transportUnspec = 0
	transportStream = 1
	transportDgram  = 2

	tlvChecksum  = 3
	tlvHeaderLen = 3
	checksumLen  = 4
)

// addressesLen is the length of a family's two addresses with their ports.
var addressesLen = [...]int{familyUnspec: 0, familyInet: 12, familyInet6: 36, familyUnix: 216}

// decodeBinary reads a header of version 2.
func decodeBinary(b []byte) (h Header, n int, err error) {
	local := false
	if i := len(signature); len(b) > i {
		switch b[i] {
		case commandLocal:
			local = true
		case commandProxy:
		default:
			return h, 0, ErrCommand
		}
	}

	// The family of the proxy's own connections is ignored.
	family, transport := byte(familyUnspec), byte(transportUnspec)
	if i := len(signature) + 1; len(b) > i && !local {
		family, transport = b[i]>>4, b[i]&0xf
		if family > familyUnix || transport > transportDgram {
			return h, 0, ErrFamily
		}
		if transport == transportUnspec {
			family = familyUnspec // addresses are ignored
		}
	}
	if len(b) < fixedLen {
		return h, 0, nil
	}
	n = binaryLen(b)
	switch {
	case n > MaxHeader:
		return h, 0, ErrTooLong
	case n < fixedLen+addressesLen[family]:
		return h, 0, ErrTooShort
	case len(b) < n:
		return h, 0, nil
	}

	// Without addresses it is unknown where the TLVs begin.
	h.Version = 2
	if family == familyUnspec {
		return h, n, nil
	}
	if err := checkTLVs(b[:n], fixedLen+addressesLen[family]); err != nil {
		return Header{}, 0, err
	}
	if transport == transportStream {
		h.Source, h.Destination = addresses(b[fixedLen:], family)
	}
	return h, n, nil
}

// binaryLen is the length that a header claims. b has its fixed part.
func binaryLen(b []byte) int {
	return fixedLen + int(binary.BigEndian.Uint16(b[fixedLen-2:]))
}

// addresses reads source, destination and their ports, for families that have them.
func addresses(b []byte, family byte) (source, destination netip.AddrPort) {
	var size int
	switch family {
	case familyInet:
		size = 4
	case familyInet6:
		size = 16
	default: // of a unix socket on the proxy's machine
		return source, destination
	}
	end := func(i int) netip.AddrPort {
		addr, _ := netip.AddrFromSlice(b[i*size : (i+1)*size])
		return netip.AddrPortFrom(addr.Unmap(), binary.BigEndian.Uint16(b[2*size+2*i:]))
	}
	return end(0), end(1)
}

// checkTLVs skips the TLVs behind the addresses, and verifies the header's checksum if there is
// one.
func checkTLVs(header []byte, at int) error {
	checksum := 0 // its place
	for at < len(header) {
		if len(header)-at < tlvHeaderLen {
			return ErrTLV
		}
		kind, size := header[at], int(binary.BigEndian.Uint16(header[at+1:]))
		at += tlvHeaderLen
		if len(header)-at < size {
			return ErrTLV
		}
		if kind == tlvChecksum {
			if size != checksumLen || checksum > 0 {
				return ErrTLV
			}
			checksum = at
		}
		at += size
	}
	if checksum > 0 && sum(header, checksum) != binary.BigEndian.Uint32(header[checksum:]) {
		return ErrChecksum
	}
	return nil
}

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	zeros      [checksumLen]byte
)

// sum is the CRC32c of a header, with zeros in place of its checksum (2.2.3).
func sum(header []byte, checksum int) uint32 {
	crc := crc32.Update(0, castagnoli, header[:checksum])
	crc = crc32.Update(crc, castagnoli, zeros[:])
	return crc32.Update(crc, castagnoli, header[checksum+checksumLen:])
}
