package state

import (
	"encoding/json"

	"patchbay/shared/lab"
	"patchbay/shared/wire"
	"patchbay/wasm/text"
)

// askPrice asks what a run of the page with its parameters as they stand would cost. The pages
// of our own making count for themselves.
func (a *App) askPrice() []Effect {
	p := a.Page()
	if p.Own || !a.End().IsLoaded(a.Model) || !a.Here() || len(p.Wrong) > 0 {
		return nil
	}
	if a.Missing() != nil { // nothing is downloaded unasked
		p.eager = false
		return nil
	}
	params, err := json.Marshal(p.Params)
	if err != nil {
		return nil // parameters are plain values: cannot happen
	}
	j, call := a.start(a.Place, wire.MethodPrice, wire.RunParams{Model: a.Model, Mode: a.Mode, Experiment: p.Name, Params: params})
	j.Lesson, j.Model, p.priced = p.Name, a.Model, j.ID
	return []Effect{call}
}

func (a *App) pricedAs(j *Job, msg json.RawMessage) error {
	p := a.Pages[j.Lesson]
	if p == nil || p.priced != j.ID {
		return nil // of older parameters
	}
	price := new(lab.Price)
	if err := json.Unmarshal(msg, price); err != nil {
		return err
	}
	p.price = price
	return nil
}

// eagerLimit is the longest run, in seconds, that opening an example starts at once.
const eagerLimit = 6

// eagerly follows up on a price: what is cheap runs at once, and so does an example.
func (a *App) eagerly(j *Job) []Effect {
	p := a.Pages[j.Lesson]
	if p == nil || p != a.Page() || p.price == nil {
		return nil
	}
	cost, known := a.Price()
	if p.eager {
		p.eager = false
		if !known || cost <= eagerLimit {
			return a.Run()
		}
		return a.Tell("preset.dear")
	}
	return a.rerun()
}

// units is the amount of work of a page's run in steps of equal price: prompt tokens, of
// which the lens reads every layer out at some, and new tokens, which cost about eight
// prompt tokens each.
func (p *Page) units() float64 {
	n := len(p.Tokens)
	switch {
	case p.Name == "generate":
		return units(n, 0, p.Params.Int("count"))
	case p.Params.Str("positions") == "last":
		return units(n, 1, 0)
	}
	return units(n, n, 0)
}

func units(read, looked, written int) float64 {
	return float64(read + lensRow*looked + 8*written)
}

// spent is the work that the page's result took, counted in the result itself.
func (p *Page) spent() float64 {
	switch {
	case p.Name == "lens" && p.Lens != nil:
		return units(len(p.Lens.Tokens), len(p.Lens.Positions), 0)
	case p.Name == "generate" && p.Gen != nil:
		return units(len(p.Gen.Prompt), 0, len(p.Gen.Steps))
	}
	return 0
}

// lensRow is the price of reading all layers out at one position, in prompt tokens: the
// vocabulary times the layers is five to eight times the weights of the small models.
const lensRow = 6

func (a *App) rateKey(place Place, model, lesson string) string {
	return string(place) + " " + model + " " + a.Mode + " " + lesson
}

// learn keeps what a unit cost; the latest runs count most.
func (a *App) learn(j *Job, spent, seconds float64) {
	if spent <= 0 || seconds <= 0 {
		return
	}
	k, r := a.rateKey(j.Place, j.Model, j.Lesson), seconds/spent
	if old, ok := a.rates[k]; ok {
		r = 0.5*r + 0.5*old
	}
	a.rates[k] = r
}

// Price is the expected time of a run, in seconds; false while nothing was measured.
func (a *App) Price() (seconds float64, known bool) {
	p := a.Page()
	if !p.Own {
		return a.labPrice(p)
	}
	if len(p.Tokens) == 0 {
		return 0, false
	}
	if r, ok := a.rates[a.rateKey(a.Place, a.Model, p.Name)]; ok {
		return r * p.units(), true
	}
	if s := a.End().Device.Speed; s > 0 && a.End().IsLoaded(a.Model) {
		return p.units() / (8 * s), true // prompts are read about eight times as fast as text is written
	}
	return 0, false
}

// labPrice is the engine's estimate, corrected by what its estimates were worth so far.
func (a *App) labPrice(p *Page) (seconds float64, known bool) {
	if p.price == nil || p.price.Seconds <= 0 {
		return 0, false
	}
	worth := 1.0
	if r, ok := a.rates[a.rateKey(a.Place, a.Model, p.Name)]; ok {
		worth = r
	}
	return worth * p.price.Seconds, true
}

// PriceLine says what a run would cost, or why none is possible now.
func (a *App) PriceLine() string {
	if ok, why := a.CanRun(); !ok {
		if j := a.End().Loading(); j != nil {
			return a.Progress(j)
		}
		return a.T(why)
	}
	cost, known := a.Price()
	switch {
	case a.Page().Busy():
		return a.Progress(a.Page().Job)
	case a.Missing() != nil:
		m := a.Missing()
		return a.T("price.fetch", m.Name, text.Bytes(m.Size))
	case !known:
		return ""
	case cost <= instant:
		return a.T("price.instant")
	}
	return a.T("price.about", text.Seconds(cost))
}
