package token

import (
	"encoding/json"
	"iter"

	"patchbay/shared/errs"
)

// FromJSON makes a tokenizer from a Hugging Face tokenizer.json: byte-level BPE with the splitters
// of GPT-2, SmolLM2, Llama 3 and Qwen2; anything else is Unsupported. The NFC normalisation that
// Qwen2's file asks for is not applied, so that a text has the same ids as from the GGUF file.
// Chat template and EOS are in tokenizer_config.json: see Configure.
func FromJSON(tokenizerJSON []byte) (*Tokenizer, error) {
	const op = "token.FromJSON"
	const limit = 64 << 20
	if len(tokenizerJSON) > limit {
		return nil, errs.E(op, errs.TooLarge, "tokenizer.json has %d bytes, more than the limit of %d", len(tokenizerJSON), limit)
	}
	var f hfFile
	if err := json.Unmarshal(tokenizerJSON, &f); err != nil {
		return nil, errs.E(op, errs.Invalid, "tokenizer.json cannot be read: %w", err)
	}
	t, err := f.tokenizer()
	if err != nil {
		return nil, errs.E(op, errs.Other, "tokenizer.json cannot be used: %w", err)
	}
	return t, nil
}

// hfFile is the part of tokenizer.json that matters here.
type hfFile struct {
	Added []struct {
		ID         int64  `json:"id"`
		Content    string `json:"content"`
		SingleWord bool   `json:"single_word"`
		LStrip     bool   `json:"lstrip"`
		RStrip     bool   `json:"rstrip"`
		Special    bool   `json:"special"`
	} `json:"added_tokens"`
	Normalizer    *hfStep `json:"normalizer"`
	PreTokenizer  *hfStep `json:"pre_tokenizer"`
	PostProcessor *hfPost `json:"post_processor"`
	Model         struct {
		Type         string           `json:"type"`
		Vocab        map[string]int64 `json:"vocab"`
		Merges       hfMerges         `json:"merges"`
		IgnoreMerges bool             `json:"ignore_merges"`
		ByteFallback bool             `json:"byte_fallback"`
		Prefix       string           `json:"continuing_subword_prefix"`
		Suffix       string           `json:"end_of_word_suffix"`
	} `json:"model"`
}

// hfStep is a normalizer or pre-tokenizer, or a sequence of them.
type hfStep struct {
	Type      string   `json:"type"`
	Steps     []hfStep `json:"pretokenizers"`
	AddSpace  bool     `json:"add_prefix_space"`
	UseRegex  *bool    `json:"use_regex"`
	OneDigit  bool     `json:"individual_digits"`
	Behaviour string   `json:"behavior"`
	Invert    bool     `json:"invert"`
	Pattern   struct {
		Regex string `json:"Regex"`
	} `json:"pattern"`
}

// hfPost is the post-processor; only the token that TemplateProcessing puts first matters.
type hfPost struct {
	Steps  []hfPost `json:"processors"`
	Single []struct {
		Special *struct {
			ID string `json:"id"`
		} `json:"SpecialToken"`
	} `json:"single"`
}

// hfMerges are pairs; older files spell them "left right".
type hfMerges [][2]string

func (m *hfMerges) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, (*[][2]string)(m)) == nil {
		return nil
	}
	var lines []string
	if err := json.Unmarshal(data, &lines); err != nil {
		return err
	}
	*m = make(hfMerges, 0, len(lines))
	for left, right := range pairs(lines) {
		*m = append(*m, [2]string{left, right})
	}
	return nil
}

func (m hfMerges) all() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, p := range m {
			if !yield(p[0], p[1]) {
				return
			}
		}
	}
}

func (f *hfFile) tokenizer() (*Tokenizer, error) {
	m := &f.Model
	switch {
	case m.Type != "BPE":
		return nil, errs.E("", errs.Unsupported, "its model is %q; only BPE is known", m.Type)
	case m.ByteFallback || m.Prefix != "" || m.Suffix != "":
		return nil, errs.E("", errs.Unsupported, "its BPE is not byte-level")
	case f.Normalizer != nil && f.Normalizer.Type != "NFC":
		return nil, errs.E("", errs.Unsupported, "its normalizer %q is not known", f.Normalizer.Type)
	}
	split, err := f.PreTokenizer.splitter()
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{bos: -1}
	if err := f.vocabulary(t); err != nil {
		return nil, err
	}
	if t.model, err = newBPE(t.vocab, t.special, split, m.IgnoreMerges, len(m.Merges), m.Merges.all()); err != nil {
		return nil, err
	}
	if first := f.PostProcessor.first(); first != "" {
		if t.bos, err = t.named(first); err != nil {
			return nil, err
		}
		t.addBOS = true
	}
	t.addKnownEOS()
	_, t.chatErr = recogniseChat("")
	return t, nil
}

// vocabulary puts tokens and added tokens in the order of their ids. Holes become unused tokens.
func (f *hfFile) vocabulary(t *Tokenizer) error {
	type entry struct {
		text string
		kind kind
	}
	var tokens []entry
	put := func(id int64, text string, k kind, again bool) error {
		if id < 0 || id >= maxTokens {
			return errs.E("", errs.Invalid, "token %q has the id %d; ids are 0 to %d", clip(text), id, maxTokens-1)
		}
		for int64(len(tokens)) <= id {
			tokens = append(tokens, entry{kind: unused})
		}
		if e := tokens[id]; !again && e.kind != unused {
			return errs.E("", errs.Invalid, "the id %d is given to two tokens", id)
		}
		tokens[id] = entry{text, k}
		return nil
	}
	for text, id := range f.Model.Vocab {
		if err := put(id, string(appendLetterBytes(nil, text)), normal, false); err != nil {
			return err
		}
	}
	for _, a := range f.Added {
		if a.SingleWord || a.LStrip || a.RStrip {
			return errs.E("", errs.Unsupported, "its token %q strips spaces or stands for whole words only", clip(a.Content))
		}
		k := userDefined
		if a.Special {
			k = control
		}
		if err := put(a.ID, a.Content, k, true); err != nil {
			return err
		}
	}
	var err error
	t.vocab, err = newVocab(len(tokens), func(all []byte, id int) ([]byte, kind) {
		return append(all, tokens[id].text...), tokens[id].kind
	})
	if err == nil {
		t.special, err = newSpecials(t.vocab)
	}
	return err
}

// The patterns of Split, as the models' files spell them.
var hfPatterns = map[string]splitter{
	`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`: splitLlama3,
	`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`:      splitQwen2,
}

// splitter recognises the four families.
func (s *hfStep) splitter() (splitter, error) {
	if s == nil {
		return nil, errs.E("", errs.Unsupported, "it has no pre-tokenizer")
	}
	steps := s.Steps
	if s.Type != "Sequence" {
		steps = []hfStep{*s}
	}
	if n := len(steps); n > 0 && n <= 2 && steps[n-1].Type == "ByteLevel" && !steps[n-1].AddSpace {
		regex := steps[n-1].UseRegex == nil || *steps[n-1].UseRegex
		first := steps[0]
		switch {
		case n == 1 && regex:
			return splitGPT2, nil
		case n == 2 && regex && first.Type == "Digits" && first.OneDigit:
			return splitSmolLM, nil
		case n == 2 && !regex && first.Type == "Split" && first.Behaviour == "Isolated" && !first.Invert:
			if split := hfPatterns[first.Pattern.Regex]; split != nil {
				return split, nil
			}
		}
	}
	return nil, errs.E("", errs.Unsupported, "its pre-tokenizer is none of those of GPT-2, SmolLM2, Llama 3 and Qwen2")
}

// first is the token that the post-processor puts before a text; empty for none.
func (p *hfPost) first() string {
	if p == nil {
		return ""
	}
	if len(p.Single) > 0 && p.Single[0].Special != nil {
		return p.Single[0].Special.ID
	}
	for i := range p.Steps {
		if id := p.Steps[i].first(); id != "" {
			return id
		}
	}
	return ""
}

// named finds a special token by its text.
func (t *Tokenizer) named(text string) (int32, error) {
	if id, ok := t.special.ids[text]; ok {
		return id, nil
	}
	return -1, errs.E("", errs.Invalid, "it names the special token %q, which is not in the vocabulary", clip(text))
}
