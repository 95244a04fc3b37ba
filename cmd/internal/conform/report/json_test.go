package report

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/framerail/framerail/cmd/internal/conform"
)

func writeJSON(t *testing.T, report *conform.Report) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := WriteJSON(&out, report); err != nil {
		t.Fatal(err)
	}
	visible(t, out.Bytes())
	return out.Bytes()
}

func TestWriteJSON(t *testing.T) {
	golden(t, "report.json", writeJSON(t, sample()))
}

func TestWriteJSON_is_what_the_schema_says(t *testing.T) {
	schema := compileSchema(t)
	for name, report := range map[string]*conform.Report{"sample": sample(), "nothing": {}} {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(writeJSON(t, report)))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"format": 2}`))
	if err != nil {
		t.Fatal(err)
	}
	if schema.Validate(value) == nil {
		t.Error("the schema takes anything")
	}
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", value); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// Every field that the program writes is read back by a program that knows the
// same fields and no others.
func TestWriteJSON_round_trip(t *testing.T) {
	report := sample()
	dec := json.NewDecoder(bytes.NewReader(writeJSON(t, report)))
	dec.DisallowUnknownFields()
	got := new(document)
	if err := dec.Decode(got); err != nil {
		t.Fatal(err)
	}
	if want := newDocument(report); !reflect.DeepEqual(got, want) {
		t.Error("what was read is not what was written")
	}
	if n := len(got.Cases[5].Wire); n != 301 {
		t.Errorf("%d of 301 records were kept", n)
	}
}
