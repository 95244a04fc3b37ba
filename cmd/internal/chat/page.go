package chat

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// SocketPath is where the page opens its WebSocket.
const SocketPath = "/socket"

//go:embed page
var pageFiles embed.FS

// securityHeaders go with every answer. The policy lets the page load its own
// files and talk to its own server, nothing else: no inline script or style, no
// frame around it, and no way to turn a string into markup, so that a line of
// the chat can only ever be text.
var securityHeaders = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
		"require-trusted-types-for 'script'; trusted-types 'none'",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=()",
	"Referrer-Policy":              "no-referrer",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
}

// contentTypes are the page's, named here because those of mime.TypeByExtension
// depend on the machine.
var contentTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

type asset struct {
	name, contentType, etag string
	body                    []byte
}

// Page returns the handler of the chat's page: GET and HEAD of "/", of "/" and the name of a
// room, and of the few files it needs, all from memory.
func Page() http.Handler {
	assets := loadAssets()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		for k, v := range securityHeaders {
			header.Set(k, v)
		}

		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		a, ok := assets[r.URL.Path]
		if name, rooted := strings.CutPrefix(r.URL.Path, "/"); rooted && isRoom(name) {
			a, ok = assets["/"], true
		}
		if !ok {
			http.Error(w, "not found", http.StatusNotFound)
			return
		}

		header.Set("Content-Type", a.contentType)
		header.Set("Cache-Control", "no-cache") // ask each time; the ETag makes it cheap
		header.Set("ETag", a.etag)
		http.ServeContent(w, r, a.name, time.Time{}, bytes.NewReader(a.body))
	})
}

// loadAssets reads the embedded files, by the URL path each is served at.
func loadAssets() map[string]asset {
	assets := make(map[string]asset)
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err)
	}
	names, err := fs.Glob(files, "*")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		body, err := fs.ReadFile(files, name)
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(body)
		assets["/"+name] = asset{
			name:        name,
			contentType: contentTypes[path.Ext(name)],
			etag:        `"` + hex.EncodeToString(sum[:8]) + `"`,
			body:        body,
		}
	}
	assets["/"] = assets["/index.html"]
	delete(assets, "/index.html")
	return assets
}
