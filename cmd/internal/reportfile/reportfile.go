// Package reportfile writes reports to the files that flags name.
package reportfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Check returns an error if one of the files cannot be written, or is named for two reports. That
// is better known before a run of minutes than after it. A file that there is keeps its contents;
// one that there is not is there afterwards, and empty. An empty path is no file.
func Check(paths ...string) error {
	seen := map[string]bool{}
	for _, path := range paths {
		switch clean := filepath.Clean(path); {
		case path == "":
			continue
		case path == "-":
			return errors.New("- is no file: this report does not go to standard output")
		case seen[clean]:
			return fmt.Errorf("%s is named for two reports", path)
		default:
			seen[clean] = true
		}
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
		if err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
	}
	return nil
}

// Write writes one report to its file, whole or not at all: nothing if report fails. An empty path
// is no file.
func Write(path string, report func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	var out bytes.Buffer
	if err := report(&out); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}
