package server

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A program may ignore Upgrade's error, since the log has it. That holds for an impossible option
// too, once.
func TestUpgrade_LogsWhyTheServerDoesNotStart(t *testing.T) {
	log := new(journal)
	s := &Server{Loops: -1, Logger: slog.New(slog.NewTextHandler(log, nil))}
	for range 3 {
		w := httptest.NewRecorder()
		if err := s.Upgrade(w, httptest.NewRequest(http.MethodGet, "/", nil), nil); err == nil || w.Code != http.StatusInternalServerError {
			t.Errorf("status %d, %v", w.Code, err)
		}
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "Loops is negative") {
		t.Errorf("the log says %q", got)
	}
}
