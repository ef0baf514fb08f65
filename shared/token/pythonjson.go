package token

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// pythonJSON spells JSON as Python's json.dumps(ensure_ascii=False) does, for that is what chat
// templates show to models: a space after comma and colon, keys in their order, letters unescaped.
// Numbers stay as they are spelt.
func pythonJSON(data []byte) (string, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	p := pythonWriter{in: d}
	if err := p.value(0); err != nil {
		return "", err
	}
	if _, err := d.Token(); err != io.EOF {
		return "", fmt.Errorf("something follows the value")
	}
	return p.out.String(), nil
}

type pythonWriter struct {
	in  *json.Decoder
	out strings.Builder
}

func (p *pythonWriter) value(depth int) error {
	const most = 100
	if depth > most {
		return fmt.Errorf("it is nested deeper than %d", most)
	}
	tok, err := p.in.Token()
	if err != nil {
		return err
	}
	switch v := tok.(type) {
	case json.Delim:
		return p.composite(v, depth)
	case string:
		p.text(v)
	case json.Number:
		p.out.WriteString(v.String())
	case bool:
		fmt.Fprint(&p.out, v)
	case nil:
		p.out.WriteString("null")
	}
	return nil
}

// composite writes an object or a list, whose opening bracket has been read.
func (p *pythonWriter) composite(open json.Delim, depth int) error {
	p.out.WriteString(open.String())
	for n := 0; p.in.More(); n++ {
		if n > 0 {
			p.out.WriteString(", ")
		}
		if open == '{' {
			key, err := p.in.Token()
			if err != nil {
				return err
			}
			p.text(key.(string)) // the decoder lets nothing else stand for a key
			p.out.WriteString(": ")
		}
		if err := p.value(depth + 1); err != nil {
			return err
		}
	}
	end, err := p.in.Token()
	if err != nil {
		return err
	}
	fmt.Fprint(&p.out, end)
	return nil
}

func (p *pythonWriter) text(s string) {
	p.out.WriteByte('"')
	for _, r := range s {
		if short := strings.IndexRune("\"\\\n\r\t\b\f", r); short >= 0 {
			p.out.WriteString([]string{`\"`, `\\`, `\n`, `\r`, `\t`, `\b`, `\f`}[short])
		} else if r < ' ' {
			fmt.Fprintf(&p.out, `\u%04x`, r)
		} else {
			p.out.WriteRune(r)
		}
	}
	p.out.WriteByte('"')
}
