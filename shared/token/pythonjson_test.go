package token

import (
	"strings"
	"testing"
)

// The results are those of Python: json.dumps(json.loads(text), ensure_ascii=False).
func TestPythonJSON(t *testing.T) {
	tests := []struct{ in, want string }{
		{`{"b":1,"a":[true,null,-2.5]}`, `{"b": 1, "a": [true, null, -2.5]}`},
		{" [ ]", "[]"}, {"{}", "{}"}, {`[{"x":{}},[[]]]`, `[{"x": {}}, [[]]]`},
		{`"q\"\\\/\u00e9\n\t\u0001<&>\u007f 你"`, `"q\"\\/é\n\t\u0001<&>` + "\x7f" + ` 你"`},
		{`"\b\f\r"`, `"\b\f\r"`},
	}
	for _, test := range tests {
		if got, err := pythonJSON([]byte(test.in)); err != nil || got != test.want {
			t.Errorf("%s gives %s, %v; want %s", test.in, got, err, test.want)
		}
	}
	for _, bad := range []string{"", "{", "[1", `{"a"}`, "[1] 2", "nope", strings.Repeat("[", 200) + strings.Repeat("]", 200)} {
		if got, err := pythonJSON([]byte(bad)); err == nil {
			t.Errorf("%q gives %s", bad, got)
		}
	}
}
