package device

// Branch says which keys a query row sees where several continuations share a prefix: keys
// 0 ... Shared-1 of the shared ones, then Own of its own, from row First of those. The query
// stands at position Shared+Own-1, that of its last key.
type Branch struct {
	Shared, First, Own int32
}

// Brancher is Attention over shared keys and values and a row's own: q and z [len(rows), Heads, e],
// k and v [at least every Shared, KVHeads, e], ownK and ownV likewise for the own rows. T, S and Pos
// of a mean nothing. Without it the caller puts each row's keys together and uses Attention.
type Brancher interface {
	Branches(z, q, k, v, ownK, ownV Buffer, rows []Branch, a Attn)
}
