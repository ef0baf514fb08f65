package scene

// Between is a mark on its way from old to new, t from 0 to 1. Texts do not blend: they are new at once.
func Between(old, new *Item, t float32) Item {
	it := *new
	for i := range it.Box {
		it.Box[i] = old.Box[i] + (new.Box[i]-old.Box[i])*t
	}
	it.Fill, it.Stroke = mix(old.Fill, new.Fill, t), mix(old.Stroke, new.Stroke, t)
	if it.Fill != new.Fill && new.Text != "" {
		it.Ink = On(it.Fill)
	}
	if len(old.Points) == len(new.Points) {
		it.Points = make([]float32, len(new.Points))
		for i := range it.Points {
			it.Points[i] = old.Points[i] + (new.Points[i]-old.Points[i])*t
		}
	}
	return it
}
