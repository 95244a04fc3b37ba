package main

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"strconv"
	"strings"
)

// logLevel is a flag's level of what is logged.
type logLevel slog.Level

// UnmarshalText reads slog's names for levels, in any case and with an offset such as
// debug-4.
func (l *logLevel) UnmarshalText(text []byte) error {
	if err := (*slog.Level)(l).UnmarshalText(text); err != nil {
		return fmt.Errorf("%q is none of debug, info, warn and error", text)
	}
	return nil
}

// listenAddr is a flag's HOST:PORT. Either may be empty: every address of the
// machine, any free port.
type listenAddr string

// UnmarshalText checks the form; whether the host exists is found when listening.
func (a *listenAddr) UnmarshalText(text []byte) error {
	_, port, err := net.SplitHostPort(string(text))
	if err != nil {
		return errors.New("want HOST:PORT, such as 127.0.0.1:9001 or [::1]:9001")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil && port != "" {
		return fmt.Errorf("port %q is not a number up to 65535", port)
	}
	*a = listenAddr(text)
	return nil
}

// byteSize is a flag's number of bytes.
type byteSize int64

// sizeUnits are in the order in which they are tried: B ends the others too.
var sizeUnits = []struct {
	suffix string
	bytes  int64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"B", 1},
}

// UnmarshalText reads a whole number with or without one of the units. KB and
// its kin are refused: people disagree about them.
func (s *byteSize) UnmarshalText(text []byte) error {
	number, unit := string(text), int64(1)
	for _, u := range sizeUnits {
		if n, found := strings.CutSuffix(number, u.suffix); found {
			number, unit = strings.TrimSpace(n), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return fmt.Errorf("%q is not a size: want a number, or one with B, KiB, MiB or GiB", text)
	}
	*s = byteSize(n * unit)
	return nil
}

// within returns an error that names the flag if s is out of its range.
func (s byteSize) within(flag string, least, most byteSize) error {
	if s < least || s > most {
		return fmt.Errorf("%s must be from %v to %v", flag, least, most)
	}
	return nil
}

// String is the size in the largest unit that divides it.
func (s byteSize) String() string {
	for i := 2; i >= 0; i-- {
		if u := sizeUnits[i]; s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}
