package sendq

import (
	crypto "crypto/rand"
	"math/rand/v2"

	"github.com/framerail/framerail/mask"
)

// maskingKeys is a stream of random bytes: ChaCha8, seeded by the system. It overwrites its own key as
// it goes, so what was drawn cannot be computed from what it is now. Nobody who sees keys can compute
// another one without breaking the cipher.
//
// To ask the system itself takes half as long again, even for 64 keys at once, and more than twice as
// long for each: BenchmarkNewMaskingKey.
type maskingKeys struct {
	stream rand.ChaCha8
	next   mask.Key // the other half of what was drawn last
	has    bool     // next is not used yet
}

// NewMaskingKey draws a key that an attacker cannot predict (RFC 6455 10.3).
func (s *Store) NewMaskingKey() mask.Key {
	k, _ := s.keys.Get().(*maskingKeys)
	if k == nil {
		k = newMaskingKeys()
	}
	key := k.draw()
	s.keys.Put(k)
	return key
}

func newMaskingKeys() *maskingKeys {
	var seed [32]byte
	_, _ = crypto.Read(seed[:]) // never fails
	k := new(maskingKeys)
	k.stream.Seed(seed)
	return k
}

func (k *maskingKeys) draw() mask.Key {
	if k.has {
		k.has = false
		return k.next
	}
	both := k.stream.Uint64()
	k.next, k.has = mask.Key(both>>32), true
	return mask.Key(both)
}
