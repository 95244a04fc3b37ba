package xconnect

import "os"

// setting is what net/http looks for.
const setting = "http2xconnect="

func init() { _ = os.Setenv("GODEBUG", with(os.Getenv("GODEBUG"))) } // if that fails, the setting is off

// with is a value of GODEBUG with the setting, unless it has one.
func with(godebug string) string {
	for i := 0; i+len(setting) <= len(godebug); i++ {
		if godebug[i:i+len(setting)] == setting {
			return godebug
		}
	}
	if godebug != "" {
		godebug += ","
	}
	return godebug + setting + "1"
}
