// Package source finds the Go files of this repository, for tests about the code itself.
package source

import (
	"io/fs"
	"path/filepath"
	"strings"
)

// Files lists every Go file below root, which is the root of the repository, in all
// modules. Names begin with root.
//
// It looks into each folder. So go test, which knows the folders that a test has looked
// into, runs the test again when a file has changed. A test that leaves the reading to
// another program, such as go list, calls Files for that alone.
func Files(root string) (files []string, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") {
			files = append(files, path)
		}
		return nil
	})
	return files, err
}
