package frame

import "testing"

// RFC 6455 7.4.1, 7.4.2 and the IANA registry, each code there is.
func TestCloseCodeOnWire(t *testing.T) {
	assigned := map[int]bool{
		1000: true, 1001: true, 1002: true, 1003: true,
		1007: true, 1008: true, 1009: true, 1010: true, 1011: true,
		1012: true, 1013: true, 1014: true,
	}
	for code := range 1 << 16 {
		want := assigned[code] || code >= 3000 && code < 5000
		if got := CloseCode(code).onWire(); got != want {
			t.Errorf("%d: onWire is %v, want %v", code, got, want)
		}
	}
}

func TestCloseCodeString(t *testing.T) {
	for code, want := range map[CloseCode]string{
		NormalClosure:           "1000 (Normal Closure)",
		GoingAway:               "1001 (Going Away)",
		ProtocolError:           "1002 (Protocol Error)",
		UnsupportedData:         "1003 (Unsupported Data)",
		1004:                    "1004",
		NoStatusReceived:        "1005 (No Status Received)",
		AbnormalClosure:         "1006 (Abnormal Closure)",
		InvalidFramePayloadData: "1007 (Invalid Frame Payload Data)",
		PolicyViolation:         "1008 (Policy Violation)",
		MessageTooBig:           "1009 (Message Too Big)",
		MandatoryExtension:      "1010 (Mandatory Extension)",
		InternalError:           "1011 (Internal Error)",
		ServiceRestart:          "1012 (Service Restart)",
		TryAgainLater:           "1013 (Try Again Later)",
		BadGateway:              "1014 (Bad Gateway)",
		TLSHandshake:            "1015 (TLS Handshake)",
		0:                       "0",
		4000:                    "4000",
	} {
		if got := code.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
