// Package brokertest checks that a [topics.Broker] keeps what its interface promises. It has a
// broker in memory too, for tests of programs that use several nodes.
//
//	func TestBroker(t *testing.T) {
//		brokertest.Run(t, func(t *testing.T) topics.Broker { return &redis.Broker{Client: client} })
//	}
//
// The package is experimental: it may change when another broker needs it.
package brokertest
