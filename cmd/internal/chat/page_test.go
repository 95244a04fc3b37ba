package chat

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func fetch(method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Page().ServeHTTP(w, r)
	return w
}

func TestPageServesItsFiles(t *testing.T) {
	for path, contentType := range map[string]string{
		"/":              "text/html; charset=utf-8",
		"/garden-2":      "text/html; charset=utf-8", // a room
		"/chat.css":      "text/css; charset=utf-8",
		"/chat.js":       "text/javascript; charset=utf-8",
		"/connection.js": "text/javascript; charset=utf-8",
		"/log.js":        "text/javascript; charset=utf-8",
		"/icon.svg":      "image/svg+xml",
	} {
		w := fetch("GET", path)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != contentType || w.Body.Len() == 0 {
			t.Errorf("GET %s: %d, %s, %d bytes", path, w.Code, w.Header().Get("Content-Type"), w.Body.Len())
		}
		head := fetch("HEAD", path)
		if head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
			t.Errorf("HEAD %s: %d, %s bytes claimed, %d sent", path, head.Code, head.Header().Get("Content-Length"), head.Body.Len())
		}
		again := fetch("GET", path, "If-None-Match", w.Header().Get("ETag"))
		if again.Code != http.StatusNotModified {
			t.Errorf("GET %s with its ETag: %d, want 304", path, again.Code)
		}
	}
}

func TestPageServesNothingElse(t *testing.T) {
	for _, target := range []string{"/index.html", "/page/", "/page/chat.js", "/../room.go", "/socket", "/favicon.ico", "/Garden", "/a/b", "//garden"} {
		if w := fetch("GET", target); w.Code != http.StatusNotFound {
			t.Errorf("GET %s: %d, want 404", target, w.Code)
		}
	}
	if w := fetch("POST", "/"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q, want 405 and GET, HEAD", w.Code, w.Header().Get("Allow"))
	}
}

func TestPageSendsSecurityHeadersWithEveryAnswer(t *testing.T) {
	for _, w := range []*httptest.ResponseRecorder{fetch("GET", "/"), fetch("GET", "/none"), fetch("POST", "/")} {
		for _, directive := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"} {
			if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, directive) || strings.Contains(policy, "unsafe") {
				t.Errorf("%d: policy %q, want %s", w.Code, policy, directive)
			}
		}
		for _, name := range []string{"X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy"} {
			if w.Header().Get(name) == "" {
				t.Errorf("%d: no %s", w.Code, name)
			}
		}
	}
}

// The policy would stop these in a browser; the page is not to contain them.
func TestPageNeedsNothingInlineAndNoOtherHost(t *testing.T) {
	html := fetch("GET", "/").Body.String()
	for what, pattern := range map[string]string{
		"inline_script": `<script(?:>|[^>]*[^"]>[^<])`,
		"inline_style":  `<style|\sstyle=`,
		"handler":       `\son[a-z]+=`,
		"other_host":    `(?:src|href)="(?:[a-z]+:)?//`,
	} {
		if found := regexp.MustCompile(pattern).FindString(html); found != "" {
			t.Errorf("%s: %s", what, found)
		}
	}
	for _, file := range []string{"/chat.js", "/connection.js", "/log.js"} {
		script := fetch("GET", file).Body.String()
		for _, word := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http://", "https://"} {
			if strings.Contains(script, word) {
				t.Errorf("%s has %s", file, word)
			}
		}
	}
}

func TestPageKnowsTheLimitsOfTheRoom(t *testing.T) {
	html := fetch("GET", "/").Body.String()
	for _, field := range []string{
		fmt.Sprintf(`<input id="name" name="name" maxlength="%d"`, maxName),
		fmt.Sprintf(`<textarea id="text" name="text" rows="1" maxlength="%d"`, maxText),
	} {
		if !strings.Contains(html, field) {
			t.Errorf("the page has no %s", field)
		}
	}
}

func TestPageLabelsItsFields(t *testing.T) {
	html := fetch("GET", "/").Body.String()
	for _, field := range regexp.MustCompile(`<(?:input|textarea) id="([^"]+)"`).FindAllStringSubmatch(html, -1) {
		if !strings.Contains(html, `<label for="`+field[1]+`"`) {
			t.Errorf("%s has no label", field[1])
		}
	}
	for _, ref := range regexp.MustCompile(`aria-(?:labelledby|describedby|controls)="([^"]+)"`).FindAllStringSubmatch(html, -1) {
		for id := range strings.FieldsSeq(ref[1]) {
			if !strings.Contains(html, `id="`+id+`"`) {
				t.Errorf("%s names nothing", ref[0])
			}
		}
	}
}
