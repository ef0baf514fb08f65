package strict

import (
	"strings"
	"testing"

	"patchbay/shared/errs"
)

type outer struct {
	Name  string  `json:"name" max:"5"`
	Items []inner `json:"items" max:"2"`
	Next  *outer  `json:"next"`
	Skip  int     `json:"-"`
}

type inner struct {
	N    int       `json:"n"`
	F    float32   `json:"f"`
	On   bool      `json:"on"`
	List []float32 `json:"list" max:"3"`
}

func TestDecode(t *testing.T) {
	var v outer
	err := Decode("test", []byte(` {"name":"a","items":[{"n":1,"f":0.5,"on":true,"list":[1,2,3]},{}],"next":{"name":"b","next":null}} `), &v)
	if err != nil || v.Name != "a" || v.Items[0].N != 1 || v.Items[0].F != 0.5 || !v.Items[0].On || len(v.Items[0].List) != 3 || v.Next.Name != "b" || v.Next.Next != nil {
		t.Errorf("%+v %v", v, err)
	}
}

func TestRefuse(t *testing.T) {
	for _, c := range []struct {
		in, want string
		kind     errs.Kind
	}{
		{`{"nam":1}`, `unknown field "nam"; known are name, items, next`, errs.Invalid},
		{`{"NAME":"a"}`, `unknown field "NAME"`, errs.Invalid},
		{`{"Skip":1}`, `unknown field "Skip"`, errs.Invalid},
		{`{"next":{"items":[{},{"m":1}]}}`, `next.items[1]: unknown field "m"`, errs.Invalid},
		{`{"items":[{},{},{}]}`, "items: has a length of 3; at most 2 is allowed", errs.TooLarge},
		{`{"items":[{"list":[1,2,3,4]}]}`, "items[0].list: has a length of 4; at most 3 is allowed", errs.TooLarge},
		{`{"name":"abcdef"}`, "name: has a length of 6; at most 5 is allowed", errs.TooLarge},
		{`{"items":{"n":1}}`, "items: a list belongs here, not object", errs.Invalid},
		{`{"items":[{"n":1.5}]}`, "items[0].n: 1.5 is not a whole number of int", errs.Invalid},
		{`{"items":[{"f":1e99}]}`, "items[0].f: 1e99 is not a finite number of float32", errs.Invalid},
		{`{"items":[{"on":"yes"}]}`, "items[0].on: true or false belongs here, not string", errs.Invalid},
		{`{"items":[{"f":-Infinity}]}`, "Infinity cannot stand in JSON", errs.Invalid},
		{`{"name":"a"`, "not JSON: unexpected end of JSON input", errs.Invalid},
		{``, "not JSON", errs.Invalid},
		{strings.Repeat("[", 20000), "not JSON", errs.Invalid},
	} {
		var v outer
		err := Decode("test", []byte(c.in), &v)
		if err == nil || !strings.Contains(err.Error(), c.want) || errs.KindOf(err) != c.kind {
			t.Errorf("%.50s: got %v (%v), want %q", c.in, err, errs.KindOf(err), c.want)
		}
	}
}
