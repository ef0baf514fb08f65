package weights

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"patchbay/shared/errs"
)

const opOpen = "weights.Open"

// Limits of a model directory.
const (
	maxConfig = 1 << 20  // bytes of config.json
	maxIndex  = 64 << 20 // bytes of model.safetensors.index.json
	maxShards = 1024
)

// Open opens a model: a GGUF or safetensors file, or a directory with config.json and
// safetensors (one file, or shards with model.safetensors.index.json) or with a single GGUF.
func Open(path string) (*Model, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	if info.IsDir() {
		return openDir(path)
	}
	f, size, err := openFile(path)
	if err != nil {
		return nil, err
	}
	m, err := OpenReaderAt(f, size, filepath.Base(path))
	if err != nil {
		f.Close()
		return nil, err
	}
	m.closers = append(m.closers, f)
	return m, nil
}

// OpenReaderAt opens a GGUF or safetensors file of size bytes in any storage; name is for
// messages. Closing the Model does not close r.
func OpenReaderAt(r io.ReaderAt, size int64, name string) (*Model, error) {
	var magic [9]byte
	if n, err := r.ReadAt(magic[:min(9, max(0, size))], 0); int64(n) < min(9, size) {
		return nil, errs.E(opOpen, errs.Corrupt, "reading %s: %w", name, noEOF(err))
	}
	if size >= 9 && magic[8] == '{' && string(magic[:4]) != "GGUF" {
		return openOther(r, size, name)
	}
	return openGGUF(r, size, name)
}

func whole(r io.ReaderAt, size int64) []*io.SectionReader {
	return []*io.SectionReader{io.NewSectionReader(r, 0, size)}
}

func openFile(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fileError(path, err)
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, 0, errs.E(opOpen, errs.Invalid, "%s is not a regular file", path)
	}
	return f, info.Size(), nil
}

func fileError(path string, err error) error {
	if os.IsNotExist(err) {
		return errs.E(opOpen, errs.NotFound, "there is no file or folder %s", path)
	}
	return errs.E(opOpen, errs.Invalid, "cannot open %s: %w", path, err)
}

// openDir opens a directory as Hugging Face lays it out.
func openDir(dir string) (*Model, error) {
	if _, err := os.Stat(filepath.Join(dir, "config.json")); err != nil {
		if one, err := filepath.Glob(filepath.Join(dir, "*.gguf")); err == nil && len(one) == 1 {
			return Open(one[0])
		}
		return nil, errs.E(opOpen, errs.NotFound, "folder %s has neither a config.json nor exactly one .gguf file: it is no model", dir)
	}
	m := &Model{Format: "safetensors", Meta: map[string]any{}, Tensors: map[string]*Tensor{}, name: filepath.Base(dir)}
	if err := readJSON(dir, "config.json", maxConfig, &m.Meta); err != nil {
		return nil, err
	}
	files, owner, err := shards(dir)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if err := m.addShard(dir, file, owner); err != nil {
			m.Close()
			return nil, err
		}
	}
	if err := complete(m, owner); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// shards lists the files of a directory, and by an index which file each tensor is in.
func shards(dir string) (files []string, owner map[string]string, err error) {
	const index = "model.safetensors.index.json"
	if _, err := os.Stat(filepath.Join(dir, index)); err != nil {
		return single(dir)
	}
	var doc struct {
		Map map[string]string `json:"weight_map"`
	}
	if err := readJSON(dir, index, maxIndex, &doc); err != nil {
		return nil, nil, err
	}
	seen := map[string]bool{}
	for _, file := range doc.Map {
		// A name from a file must not lead out of the folder.
		if file != filepath.Base(file) || !filepath.IsLocal(file) || strings.ContainsAny(file, `/\`) {
			return nil, nil, errs.E(opOpen, errs.Invalid, "%s names the shard %q, which is not a plain file name", index, clip(file))
		}
		if !seen[file] {
			seen[file] = true
			files = append(files, file)
		}
	}
	if len(files) == 0 || len(files) > maxShards {
		return nil, nil, errs.E(opOpen, errs.Invalid, "%s names %d shards (1 to %d allowed)", index, len(files), maxShards)
	}
	sort.Strings(files)
	return files, doc.Map, nil
}

func single(dir string) ([]string, map[string]string, error) {
	if _, err := os.Stat(filepath.Join(dir, "model.safetensors")); err == nil {
		return []string{"model.safetensors"}, nil, nil
	}
	found, _ := filepath.Glob(filepath.Join(dir, "*.safetensors"))
	if len(found) != 1 {
		return nil, nil, errs.E(opOpen, errs.NotFound, "folder %s has %d .safetensors files and no model.safetensors.index.json: one file or an index is needed", dir, len(found))
	}
	return []string{filepath.Base(found[0])}, nil, nil
}

// addShard opens one safetensors file and takes its tensors.
func (m *Model) addShard(dir, file string, owner map[string]string) error {
	f, size, err := openFile(filepath.Join(dir, file))
	if err != nil {
		return err
	}
	m.closers = append(m.closers, f)
	s, err := openSafetensors(f, size, file)
	if err != nil {
		return err
	}
	m.Size += size
	m.files = append(m.files, s.files...)
	for name, t := range s.Tensors {
		if owner != nil && owner[name] != file {
			continue // the index decides
		}
		m.Tensors[name] = t
	}
	return nil
}

// complete checks that every tensor an index promises was found.
func complete(m *Model, owner map[string]string) error {
	for name, file := range owner {
		if m.Tensors[name] == nil {
			return errs.E(opOpen, errs.Invalid, "the index says that tensor %q is in %s, but it is not", clip(name), file)
		}
	}
	return nil
}

func readJSON(dir, file string, limit int64, into any) error {
	f, size, err := openFile(filepath.Join(dir, file))
	if err != nil {
		return err
	}
	defer f.Close()
	if size > limit {
		return errs.E(opOpen, errs.TooLarge, "%s has %d bytes (limit %d)", file, size, limit)
	}
	b, err := io.ReadAll(io.LimitReader(f, limit))
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return errs.E(opOpen, errs.Invalid, "%s is no JSON as expected: %w", file, err)
	}
	return nil
}
