package load

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
)

// mostBytes bounds the length of a message.
const mostBytes = 64 << 20

// Sizes is a distribution of lengths of messages.
type Sizes struct {
	text     string
	min, max int
	alpha    float64 // of a Pareto distribution; 0 for the others
	samples  []int
}

// ParseSizes reads a distribution:
//
//	SIZE                   each message is so long
//	uniform:MIN-MAX        each length between is as likely
//	pareto:MIN,ALPHA,MAX   most are short and few long; none is longer than MAX
//	file:PATH              lengths of a file, one a line, drawn at random
//
// size reads one length.
func ParseSizes(text string, size func(string) (int, error)) (Sizes, error) {
	s := Sizes{text: text}
	kind, rest, found := strings.Cut(text, ":")
	if !found {
		kind, rest = "", text
	}
	var err error
	switch kind {
	case "":
		s.min, err = size(rest)
		s.max = s.min
	case "uniform":
		err = s.uniform(rest, size)
	case "pareto":
		err = s.pareto(rest, size)
	case "file":
		err = s.file(rest, size)
	default:
		err = fmt.Errorf("%q is none of uniform, pareto and file", kind)
	}
	if err == nil && s.max > mostBytes {
		err = fmt.Errorf("a message is at most %d bytes long", mostBytes)
	}
	return s, err
}

func (s *Sizes) uniform(text string, size func(string) (int, error)) error {
	low, high, found := strings.Cut(text, "-")
	if !found {
		return errors.New("want uniform:MIN-MAX")
	}
	return s.bounds(low, high, size)
}

func (s *Sizes) pareto(text string, size func(string) (int, error)) error {
	parts := strings.Split(text, ",")
	if len(parts) != 3 {
		return errors.New("want pareto:MIN,ALPHA,MAX, such as pareto:100,1.2,1MiB")
	}
	var err error
	if s.alpha, err = strconv.ParseFloat(parts[1], 64); err != nil || !(s.alpha > 0) || math.IsInf(s.alpha, 0) {
		return fmt.Errorf("%q is not a shape: want a positive number, such as 1.2", parts[1])
	}
	return s.bounds(parts[0], parts[2], size)
}

func (s *Sizes) bounds(low, high string, size func(string) (int, error)) (err error) {
	if s.min, err = size(low); err != nil {
		return err
	}
	if s.max, err = size(high); err != nil {
		return err
	}
	if s.min > s.max {
		return fmt.Errorf("%s is more than %s", low, high)
	}
	return nil
}

func (s *Sizes) file(path string, size func(string) (int, error)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		n, err := size(line)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		s.samples = append(s.samples, n)
	}
	if len(s.samples) == 0 && lines.Err() == nil {
		return fmt.Errorf("%s has no lengths", path)
	}
	if len(s.samples) > 0 {
		s.min, s.max = slices.Min(s.samples), slices.Max(s.samples)
	}
	return lines.Err()
}

// String is the distribution as it was given.
func (s *Sizes) String() string { return s.text }

// next draws a length.
func (s *Sizes) next(random *rand.Rand) int {
	switch {
	case s.min == s.max:
		return s.min
	case s.samples != nil:
		return s.samples[random.IntN(len(s.samples))]
	case s.alpha > 0:
		// The inverse of the distribution function at a number from (0, 1].
		x := float64(max(s.min, 1)) / math.Pow(1-random.Float64(), 1/s.alpha)
		return int(min(x, float64(s.max)))
	}
	return s.min + random.IntN(s.max-s.min+1)
}
