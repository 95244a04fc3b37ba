package loop

import (
	"net/netip"
	"testing"

	"github.com/framerail/framerail/internal/session"
)

func TestSlots_TokensOfThoseGoneFindNobody(t *testing.T) {
	loop := session.NewLoop(nil)
	policy := session.NewPolicy(new(session.Config))
	var s slots
	var tenants []*Tenant
	for range 3 * slotPage {
		tenant := new(Tenant)
		id := s.take(tenant)
		tenant.Init(loop, policy, id, &tenant.Socket, netip.AddrPort{})
		tenants = append(tenants, tenant)
	}
	for _, tenant := range tenants {
		if s.Find(tenant.Token()) != tenant {
			t.Fatal("not found by its token")
		}
	}
	for i, tenant := range tenants {
		if i%2 == 0 {
			s.give(tenant.ID())
		}
	}
	for i, tenant := range tenants {
		if found := s.Find(tenant.Token()); i%2 == 0 && found != nil || i%2 != 0 && found != tenant {
			t.Fatalf("tenant %d: found %p", i, found)
		}
	}
	next := new(Tenant)
	next.Init(loop, policy, s.take(next), &next.Socket, netip.AddrPort{})
	for i, tenant := range tenants {
		if i%2 == 0 && s.Find(tenant.Token()) != nil {
			t.Fatal("the token of one that is gone finds its successor")
		}
	}
	if s.used != len(tenants)/2+1 {
		t.Errorf("%d used", s.used)
	}
}
