package topics

import (
	"encoding/binary"
	"slices"
)

// cutCensus is as many values as fit into so many bytes of the outbox. If they are not all, they are the first in order: the same each time.
func cutCensus(values []string, topic string, most int) (fit []string, cut bool) {
	cost := len(topic) + packetCost + maxHeader + 4*binary.MaxVarintLen64 // of a part without values
	fitting := func() int {
		all, part := cost, 0
		for i, v := range values {
			size := len(v) + binary.MaxVarintLen16
			if part += size; part > maxCensusPart {
				part = size
				all += cost
			}
			if all += size; all > most {
				return i
			}
		}
		return len(values)
	}
	if fitting() == len(values) {
		return values, false
	}
	slices.Sort(values)
	return values[:fitting()], true
}

// censusParts cuts values into packets, of which there is one at least.
func censusParts(values []string) [][]string {
	parts := [][]string{nil}
	size := 0
	for _, v := range values {
		if size += len(v) + binary.MaxVarintLen16; size > maxCensusPart {
			parts, size = append(parts, nil), len(v)+binary.MaxVarintLen16
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], v)
	}
	return parts
}
