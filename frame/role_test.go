package frame

import "testing"

func TestRole(t *testing.T) {
	var zero Role
	if zero != Server || Server.String() != "Server" || Client.String() != "Client" {
		t.Errorf("zero is %v, Server is %v, Client is %v", zero, Server, Client)
	}
}
