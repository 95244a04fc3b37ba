package report

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Render writes the tables and the plots of a report into a directory, and returns the tables.
func (r Report) Render(dir string) (markdown string, err error) {
	markdown = r.Section("")
	errs := []error{os.WriteFile(filepath.Join(dir, "results.md"), []byte(markdown), 0o644)}
	for _, p := range plots {
		errs = append(errs, p.save(r, dir))
	}
	return markdown, errors.Join(errs...)
}

// drawn are the names of the plots that there is something in.
func (r Report) drawn() (names []string) {
	for _, c := range plots {
		if p, err := c.plot(r); p != nil && err == nil {
			names = append(names, c.name)
		}
	}
	return names
}

// Section is the report in Markdown. folder is where the plots are, seen from there.
func (r Report) Section(folder string) string {
	var b strings.Builder
	drawn := r.drawn()
	fmt.Fprintf(&b, "%s\n", r.caption())
	paragraph := func(text string) {
		if text != "" {
			fmt.Fprintf(&b, "\n%s\n", strings.TrimSuffix(text, "\n"))
		}
	}
	traffic := r.which(func(row Row) bool { return row.has(CPU) })
	rates := r.which(func(row Row) bool { return row.has(Rate) && !row.has(P50) })
	latency := r.which(func(row Row) bool { return row.has(P50) })
	memory := r.which(func(row Row) bool { return row.Memory })
	paragraph(r.defeats(traffic, rates, latency, memory))
	add := func(title, text string, rows []Row, table string, images ...string) {
		if len(rows) == 0 {
			return
		}
		paragraph("### " + title)
		paragraph(text)
		for _, name := range images {
			if slices.Contains(drawn, name) {
				paragraph(fmt.Sprintf("![%s](%s)", title, path.Join(folder, name+".svg")))
			}
		}
		paragraph(table)
	}
	add("CPU for each message", "Microseconds of the server's CPU. The median of the rounds, with the least and the most.", traffic,
		matrix(traffic, CPU, false), "echo", "connections", "ratios")
	add("Messages in a second", "Of one core. \"refused\" stands where the clients had no more to give.", rates, matrix(rates, Rate, true))
	add("Latency", "Microseconds from when a message was to be sent until its echo was there.", latency, latencies(latency), "latency")
	add("Memory", "Bytes of the server's process for each connection.", memory, matrix(memory, Memory, false), "memory")
	points := slices.DeleteFunc(slices.Clone(memory), func(row Row) bool { return row.Section != "memory" })
	if len(points) > 1 {
		paragraph("A straight line through these leads to a million connections. No such run was made: the machine has too few descriptors. " +
			"The kernel's part is half of what its slabs gained for both ends of a connection.")
		paragraph(millions(points))
		paragraph(publishedTable())
	}
	return b.String()
}

// caption says what was measured, where and when.
func (r Report) caption() string {
	var versions []string
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		versions = append(versions, name+" "+r.Versions[name])
	}
	text := fmt.Sprintf("`%s`, %s, %v. %s, %d cores, %s of memory, Linux %s, %s; a load of %.1f before. %s.",
		r.Command, r.Date.Format(time.DateOnly), r.Took.Round(time.Minute), r.Machine.CPU, r.Machine.Cores,
		gigabytes(float64(r.Machine.Memory)), r.Machine.Kernel, r.Machine.Go, r.Machine.Load, strings.Join(versions, ", "))
	if r.Short {
		text += "\n\n**A short run: these figures say nothing.**"
	}
	return text
}

// defeats says where others win.
func (r Report) defeats(traffic, rates, latency, memory []Row) string {
	var b strings.Builder
	for _, d := range []struct {
		what string
		list []string
	}{
		{"less CPU", defeats(traffic, CPU, false)},
		{"more messages in a second", defeats(rates, Rate, true)},
		{"a lower latency at 99 %", defeats(latency, P99, false)},
		{"less memory", defeats(memory, Memory, false)},
	} {
		if len(d.list) > 0 {
			fmt.Fprintf(&b, "- %s: %s\n", d.what, strings.Join(d.list, "; "))
		}
	}
	if b.Len() == 0 {
		return "In no row has another library the better median."
	}
	return "Where others have the better median:\n\n" + b.String()
}

// The generated section of a document is between these.
const (
	begin = "<!-- begin generated: go run ./bench/compare publish -->"
	end   = "<!-- end generated -->"
)

// Replace puts a section in the place of the generated one of a document.
func Replace(document, section string) (string, error) {
	before, rest, found := strings.Cut(document, begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return "", errors.New("the document has no generated section")
	}
	return before + begin + "\n\n" + section + "\n" + end + after, nil
}
